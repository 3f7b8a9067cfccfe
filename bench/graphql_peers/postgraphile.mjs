// PostGraphile over the plant's tables: node postgraphile.mjs PORT SETTINGS. One process, the Amber preset,
// production mode; role, claims and tenant are set for each request, as the service sets them.
import { createServer } from "node:http";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const [port, settings] = [Number(process.argv[2]), JSON.parse(process.argv[3])];
const preset = {
  extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset],
  pgServices: [
    makePgService({
      poolConfig: { host: settings.host, user: settings.user, database: settings.database, max: settings.pool },
      schemas: ["public"],
    }),
  ],
  schema: { defaultBehavior: "+list +connection" },
  grafast: {
    explain: false,
    context: () => ({
      pgSettings: {
        role: "authenticated",
        "request.jwt.claims": settings.claims,
        "pourplan.tenant": settings.tenant,
      },
    }),
  },
  grafserv: { port, host: "127.0.0.1", watch: false, graphiql: false },
};
const instance = postgraphile(preset);
const server = createServer();
await instance.createServ(grafserv).addTo(server);
server.listen(port, "127.0.0.1");
