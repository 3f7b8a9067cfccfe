// Mercurius with its JIT and dataloaders over the plant's tables: node mercurius.mjs PORT SETTINGS. One process;
// a request's statements share a transaction that sets role, claims and tenant, as the service sets them.
import DataLoader from "dataloader";
import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

const [port, settings] = [Number(process.argv[2]), JSON.parse(process.argv[3])];
const DATE = 1082;
pg.types.setTypeParser(DATE, (value) => value);
const pool = new pg.Pool({
  host: settings.host, user: settings.user, database: settings.database, max: settings.pool,
});
const begin =
  `begin; select set_config('role', 'authenticated', true), ` +
  `set_config('request.jwt.claims', ${pg.escapeLiteral(settings.claims)}, true), ` +
  `set_config('pourplan.tenant', ${pg.escapeLiteral(settings.tenant)}, true)`;

class Request {
  loaders = {};

  connection() {
    return (this.opened ??= pool.connect().then(async (client) => {
      await client.query(begin);
      return client;
    }));
  }

  async rows(name, text, values) {
    return (await (await this.connection()).query({ name, text, values })).rows;
  }

  byId(table, columns) {
    return (this.loaders[table] ??= new DataLoader(async (keys) => {
      const text = `select id, ${columns} from ${table} where id = any($1)`;
      const found = new Map((await this.rows(`by_id_${table}`, text, [keys])).map((row) => [row.id, row]));
      return keys.map((key) => found.get(key) ?? null);
    }));
  }

  async close() {
    if (!this.opened) return;
    const client = await this.opened;
    try {
      await client.query("commit");
    } finally {
      client.release();
    }
  }
}

const schema = `
  type Query { planRun(id: ID!): Replan orders(first: Int!): Orders! forecast(run: ID!): Forecast }
  type Replan { dailyOrders(first: Int!): DailyOrders! }
  type DailyOrders { nodes: [DailyOrder!]! }
  type DailyOrder { workdayIndex: Int! date: String! moldsMolded: Int! order: Order! part: Part! }
  type Orders { nodes: [Order!]! }
  type Order { orderId: String! qty: Int! dueDate: String! priority: Int! part: Part! }
  type Part { partId: String! flaskSize: String! alloy: String productGroup: ProductGroup }
  type ProductGroup { name: String! }
  type Forecast { totalHeats: Int! heats: [Heats!]! }
  type Heats { heats: Int! tons: Float! grade: SteelGrade! }
  type SteelGrade { name: String! }`;

const ORDER = 'order_id as "orderId", qty, due_date as "dueDate", priority, part_key';
const PART = 'part_id as "partId", flask_size as "flaskSize", alloy, product_group_id';
const DAILY = `select workday_index as "workdayIndex", date, molds_molded as "moldsMolded", order_key, part_key
  from plan_daily_order where run_id = $1 order by workday_index, order_id limit $2::int`;
const LIST = `select ${ORDER} from orders where scenario_id =
  (select id from scenarios order by is_base desc, created_at, id limit 1) order by position, id limit $1::int`;
const HEATS = "select heats, tons, steel_grade_id from forecast_heats where run_id = $1 order by position";
const part = (source, _, request) => request.byId("parts", PART).load(source.part_key);

const resolvers = {
  Query: {
    planRun: async (_, { id }, request) =>
      (await request.rows("replan", "select run_id from replans where run_id = $1", [id]))[0],
    orders: () => ({}),
    forecast: async (_, { run }, request) =>
      (await request.rows("forecast",
        'select run_id, total_heats as "totalHeats" from forecasts where run_id = $1', [run]))[0],
  },
  Replan: { dailyOrders: (source, { first }) => ({ run: source.run_id, first }) },
  DailyOrders: {
    nodes: (source, _, request) => request.rows("daily", DAILY, [source.run, source.first]),
  },
  DailyOrder: { order: (source, _, request) => request.byId("orders", ORDER).load(source.order_key), part },
  Orders: { nodes: (_source, _, request, info) => request.rows("list", LIST, [info.variableValues.first]) },
  Order: { part },
  Part: {
    productGroup: (source, _, request) =>
      source.product_group_id && request.byId("product_groups", "name").load(source.product_group_id),
  },
  Forecast: { heats: (source, _, request) => request.rows("heats", HEATS, [source.run_id]) },
  Heats: { grade: (source, _, request) => request.byId("steel_grades", "name").load(source.steel_grade_id) },
};

const app = Fastify();
app.register(mercurius, { schema, resolvers, jit: 1, context: () => new Request() });
await app.ready();
app.graphql.addHook("onResolution", (_execution, request) => request.close());
await app.listen({ port, host: "127.0.0.1" });
