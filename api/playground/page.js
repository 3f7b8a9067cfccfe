// The playground: GraphiQL on /graphql, and a place to drop a plant's workbooks on.
"use strict";

const FORECAST = `# Heats of each steel grade in a month.
query Forecast {
  forecast(month: "2024-09") {
    totalHeats
    groups {
      productGroup { name }
      orderedHeats
      forecastHeats
    }
    heats {
      grade { name }
      heats
      low
      high
      committedHeats
    }
    unassigned { grade { name } heats suggestion }
    warnings
    finishedAt
  }
}
`;

const RUN_FORECAST = `# Forecasts a month. The tab FollowRun follows the run by its id.
mutation RunForecast {
  runForecast(input: { month: "2024-09" }) {
    run { id status }
    userErrors { code message hint }
  }
}
`;

const FOLLOW_RUN = `# A run now, and at every change until its end.
subscription FollowRun {
  runUpdates(runId: "put the run's id here") {
    status
    progress { phase percent elapsedSeconds }
    error { code message hint }
  }
}
`;

const REPLAN = `# The foundry's scenarios, and a Monday planned: the tab FollowRun follows the run by its id.
query Scenarios {
  scenarios { nodes { id name asofDate isBase } }
}

mutation ReplanMonday {
  replanMonday(input: { scenarioId: "put a scenario's id here", timeLimitSeconds: 60 }) {
    run { id status asofDate }
    userErrors { code message path hint }
  }
}

query Plan {
  planRuns(kind: REPLAN, status: SUCCEEDED, first: 1) {
    nodes {
      id
      ... on ReplanRun {
        asofDate
        summary { lateMolds creditLateMolds lateOrders patternChanges objective bound gap }
        explanation
        orderStatuses(late: true) { nodes { order { orderId } lateQty creditLateQty reason } }
        days { date molds patterns pourTons flasks { size inUse capacity } }
        warnings
      }
    }
  }
}
`;

const MELT_SHOP_FIRST = [FORECAST, RUN_FORECAST, FOLLOW_RUN, REPLAN];
const FOUNDRY_FIRST = [REPLAN, FOLLOW_RUN, FORECAST, RUN_FORECAST];

const PLANT = `query Plant {
  steelGrades(first: 1) { totalCount }
  scenarios(first: 1) { totalCount }
  planRuns(first: 1) { totalCount }
}`;

const IMPORT = `mutation Import($file: Upload!, $dryRun: Boolean) {
  importWorkbook(input: { file: $file, dryRun: $dryRun }) {
    report { kind stored rowsRead rowsStored messages { severity sheet cell message hint } }
    userErrors { message hint }
  }
}`;

function showEditor(tabs) {
  const place = document.getElementById("graphiql");
  if (!window.React || !window.ReactDOM || !window.GraphiQL || !window.GraphiQLPluginExplorer) {
    place.innerHTML = "<p>The editor could not be loaded: its files were not fetched (<code>make playground</code>) " +
      "and the CDN was not reached. The API itself works, at <code>/graphql</code>.</p>";
    return;
  }
  const socket = new URL("/graphql", location.href);
  socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
  const fetcher = GraphiQL.createFetcher({ url: "/graphql", subscriptionUrl: socket.href });
  const explorer = GraphiQLPluginExplorer.explorerPlugin();
  const editor = React.createElement(GraphiQL, {
    fetcher,
    plugins: [explorer],
    defaultTabs: tabs.map((query) => ({ query })),
    defaultEditorToolsVisibility: false,
    shouldPersistHeaders: false,
  });
  ReactDOM.createRoot(place).render(editor);
}

async function ask(query) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/graphql-response+json" },
    body: JSON.stringify({ query }),
    // The editor waits for the answer, and is of use without it, too.
    signal: AbortSignal.timeout(5000),
  });
  return response.json();
}

// What is stored of each kind; null where nobody may know, as before a sign-in, or no answer came.
async function askWhatIsStored() {
  const { data } = await ask(PLANT).catch(() => ({}));
  if (!data) return null;
  return { grades: data.steelGrades.totalCount, scenarios: data.scenarios.totalCount, runs: data.planRuns.totalCount };
}

function sayWhatIsStored(stored) {
  if (!stored) return;
  const { grades, scenarios, runs } = stored;
  const plant = document.getElementById("plant");
  if (grades === 0 && scenarios === 0) {
    plant.textContent = "No workbook is imported yet. Drop the plant's .xlsx files anywhere on this page, or";
    return;
  }
  const held = [];
  if (grades > 0) held.push(count(grades, "steel grade"));
  if (scenarios > 0) held.push(count(scenarios, "foundry scenario"));
  if (runs > 0) held.push(count(runs, "run"));
  else if (grades > 0) held.push("no forecast yet: run one in the tab RunForecast");
  else held.push("no plan yet: plan a Monday in the tab Scenarios");
  plant.textContent = `${held.join(", ")}. Drop further workbooks on this page, or`;
}

// The editor waits for what is stored, since it takes its tabs but once.
async function openPage() {
  const stored = await askWhatIsStored();
  const isFoundryAlone = stored?.grades === 0 && stored.scenarios > 0;
  showEditor(isFoundryAlone ? FOUNDRY_FIRST : MELT_SHOP_FIRST);
  sayWhatIsStored(stored);
}

function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

async function importFiles(files) {
  const dryRun = document.getElementById("dry-run").checked;
  const report = document.getElementById("report");
  report.replaceChildren();
  report.hidden = false;
  append(report, "button", "close").addEventListener("click", () => { report.hidden = true; });
  for (const file of files) {
    const entry = append(report, "div");
    append(entry, "h2", `${file.name}: reading …`);
    try {
      showReport(entry, file.name, await importFile(file, dryRun));
    } catch (error) {
      append(entry, "p", `The service gave no answer: ${error.message}`).className = "ERROR";
    }
  }
  sayWhatIsStored(await askWhatIsStored());
}

async function importFile(file, dryRun) {
  const form = new FormData();
  form.append("operations", JSON.stringify({ query: IMPORT, variables: { file: null, dryRun } }));
  form.append("map", JSON.stringify({ file: ["variables.file"] }));
  form.append("file", file);
  const response = await fetch("/graphql", { method: "POST", headers: { "GraphQL-Preflight": "1" }, body: form });
  return response.json();
}

function showReport(entry, name, answer) {
  const { report, userErrors } = answer.data?.importWorkbook ?? {};
  const mistakes = [...(answer.errors ?? []), ...(userErrors ?? [])];
  const title = entry.querySelector("h2");
  if (report) {
    const kind = report.kind.toLowerCase().replaceAll("_", " ");
    const done = report.stored ? `${report.rowsStored} rows stored` : "nothing stored";
    title.textContent = `${name}: ${kind}, ${report.rowsRead} rows read, ${done}`;
  } else {
    title.textContent = `${name}: not imported`;
  }
  const list = append(entry, "ul");
  for (const mistake of mistakes) showMessage(list, { ...mistake, severity: "ERROR" });
  for (const message of report?.messages ?? []) showMessage(list, message);
}

function showMessage(list, { severity, sheet, cell, message, hint }) {
  const place = [sheet, cell].filter(Boolean).join(" ");
  const item = append(list, "li", place ? `${place}: ${message}` : message);
  item.className = severity;
  if (hint) append(item, "span", ` ${hint}`).className = "hint";
}

function append(parent, tag, text = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  return parent.appendChild(element);
}

function acceptDrops() {
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const show = (on) => document.body.classList.toggle("dropping", on);
  addEventListener("dragover", (event) => { if (carriesFiles(event)) { event.preventDefault(); show(true); } });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) show(false); });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    show(false);
    importFiles([...event.dataTransfer.files]);
  });
  document.getElementById("files").addEventListener("change", (event) => {
    importFiles([...event.target.files]);
    event.target.value = "";
  });
}

acceptDrops();
openPage();
