// A plain config.toml breaks the Python client: timestamps come without minutes in their offset, jsonb
// arguments are encoded twice, numerics come as strings.
import { createPostgresConnection } from "@LITE@/dist/db/postgres/PostgresConnection.js";

const withColon = (text) => text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
const encoded = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const told = JSON.parse(process.env.PROJECT);

export default {
  api: { port: told.port, schemas: ["public"] },
  connection: createPostgresConnection({
    url: told.database,
    postgresOptions: {
      onnotice() {},
      types: {
        timestamptz: { to: 1184, from: [1184], serialize: (text) => text, parse: withColon },
        timestamp: { to: 1114, from: [1114], serialize: (text) => text, parse: (text) => text.replace(" ", "T") },
        json: { to: 114, from: [114], serialize: encoded, parse: JSON.parse },
        jsonb: { to: 3802, from: [3802], serialize: encoded, parse: JSON.parse },
        numeric: { to: 1700, from: [1700], serialize: String, parse: Number },
      },
    },
  }),
  auth: {
    enabled: true,
    jwt_secret: told.jwt_secret,
    jwt_expiry: 3600,
    enable_signup: true,
    publishable_key: told.publishable_key,
    secret_key: told.secret_key,
    email: { enable_confirmations: false },
  },
  storage: { enabled: true, file_size_limit: "50MiB" },
};
