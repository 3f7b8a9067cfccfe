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

const RUN_FORECAST = `# Forecasts a month. The next tab follows the run by its id.
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

const REPLAN = `# The foundry's scenarios, and a Monday planned: the tab before follows the run by its id.
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

const IMPORT = `mutation Import($file: Upload!, $dryRun: Boolean) {
  importWorkbook(input: { file: $file, dryRun: $dryRun }) {
    report { kind stored rowsRead rowsStored messages { severity sheet cell message hint } }
    userErrors { message hint }
  }
}`;

function showEditor() {
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
    defaultTabs: [{ query: FORECAST }, { query: RUN_FORECAST }, { query: FOLLOW_RUN }, { query: REPLAN }],
    defaultEditorToolsVisibility: false,
    shouldPersistHeaders: false,
  });
  ReactDOM.createRoot(place).render(editor);
}

async function ask(query, variables) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/graphql-response+json" },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

async function sayWhetherEmpty() {
  const answer = await ask("query Plant { steelGrades(first: 1) { totalCount } planRuns(first: 1) { totalCount } }");
  if (!answer.data) return;
  const { steelGrades: { totalCount: grades }, planRuns: { totalCount: runs } } = answer.data;
  const plant = document.getElementById("plant");
  if (grades === 0) {
    plant.textContent = "No workbook is imported yet. Drop the plant's .xlsx files anywhere on this page, or";
  } else {
    const made = runs === 0 ? "no forecast yet: run one in the second tab" : count(runs, "run");
    plant.textContent = `${count(grades, "steel grade")}, ${made}. Drop further workbooks on this page, or`;
  }
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
  await sayWhetherEmpty();
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

showEditor();
acceptDrops();
sayWhetherEmpty().catch(() => {});
