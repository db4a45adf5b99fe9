// Starts the real program, `tollgate demo`, on free ports with a data folder of its own.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const binary = process.env.TOLLGATE_BIN ?? new URL("../../target/debug/tollgate", import.meta.url).pathname;

export async function startDemo() {
  const folder = await mkdtemp(join(tmpdir(), "tollgate-browser-"));
  const child = spawn(binary, ["demo", "--data", join(folder, "data"), "--ports", "0", "--print-json"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  // Whatever happens to this process, its server does not stay behind.
  const abandon = () => child.kill("SIGKILL");
  process.once("exit", abandon);
  const said = [];
  child.stderr.on("data", (chunk) => said.push(chunk.toString()));
  const facts = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the demo did not start within 60 s\n${said.join("")}`)), 60_000);
    createInterface({ input: child.stdout }).once("line", (line) => {
      clearTimeout(late);
      resolve(JSON.parse(line));
    });
    child.once("exit", (code) => reject(new Error(`the demo ended with ${code}\n${said.join("")}`)));
    child.once("error", reject);
  });

  return {
    ...facts,
    log: () => said.join(""),

    /** A call to the stand-in PSP with its admin's key; without a body it only asks. */
    async stand(path, body) {
      const headers = { authorization: `Bearer ${facts.psp_admin_key}`, "content-type": "application/json" };
      const answer = await fetch(facts.psp + path, { method: body ? "POST" : "GET", headers, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    },

    /** A call to the merchant's API with the merchant's key. */
    async api(method, path, body) {
      const answer = await fetch(facts.gateway + path, {
        method,
        headers: {
          authorization: `Bearer ${facts.secret_key}`,
          ...(method === "POST" ? { "idempotency-key": crypto.randomUUID() } : {}),
          ...(body ? { "content-type": "application/json" } : {}),
        },
        body: body ? JSON.stringify(body) : undefined,
      });
      const json = await answer.json();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(json)}`);
      return json;
    },

    /** A checkout session as a merchant opens it. */
    checkout(wanted = {}) {
      return this.api("POST", "/v1/checkout/sessions", {
        currency: "KRW",
        line_items: [
          { name: "달항아리 Moon jar", unit_amount: "48000", quantity: 1 },
          { name: "감귤 한 상자 Box of tangerines", unit_amount: "19500", quantity: 2 },
        ],
        success_url: `${facts.shop}/?paid={CHECKOUT_SESSION_ID}`,
        cancel_url: `${facts.shop}/?left=1`,
        reference: `order-${crypto.randomUUID().slice(0, 8)}`,
        ...wanted,
      });
    },

    /** A second person who may use the console, made as whoever runs the gateway makes one; gives the password. */
    async operator(email) {
      // What this process was told in variables of ours is not a setting of the program.
      const env = {
        ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("TOLLGATE_"))),
        TOLLGATE_DATABASE__URL: `sqlite:${join(folder, "data", "tollgate.db")}`,
        TOLLGATE_MASTER_KEY: "not needed to make an operator, and long enough",
      };
      const { stdout } = await promisify(execFile)(binary, ["operator", "create", "--email", email], { env, cwd: folder });
      return /password +(\S+)/.exec(stdout)[1];
    },

    /** Writes into the gateway's database what a gateway comes to within days only, as it would write it itself. */
    async plant(sql, ...values) {
      const script = "import json, sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=20) as db: db.execute(sys.argv[2], json.loads(sys.argv[3]))";
      await promisify(execFile)("python3", ["-c", script, join(folder, "data", "tollgate.db"), sql, JSON.stringify(values)]);
    },

    /** Switches on a bad day at the PSP. */
    async fault(order) {
      const answer = await fetch(`${facts.psp}/admin/faults`, {
        method: "POST",
        headers: { authorization: `Bearer ${facts.psp_admin_key}`, "content-type": "application/json" },
        body: JSON.stringify(order),
      });
      if (!answer.ok) throw new Error(`fault: ${answer.status} ${await answer.text()}`);
      return answer.json();
    },

    async clearFaults() {
      await fetch(`${facts.psp}/admin/faults`, {
        method: "DELETE",
        headers: { authorization: `Bearer ${facts.psp_admin_key}` },
      });
    },

    /** The payment of a session, as the merchant sees it. */
    async payment(session) {
      const { payment } = await this.api("GET", `/v1/checkout/sessions/${session.id}`);
      return this.api("GET", `/v1/payments/${payment.id ?? payment}`);
    },

    async stop() {
      process.removeListener("exit", abandon);
      if (child.exitCode === null) {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
        await ended;
        clearTimeout(late);
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
