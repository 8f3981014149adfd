// Takes addresses out of the lock file: it pins by hash, and whoever installs from it
// chooses the registry.
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path));
for (const found of Object.values(lock.packages)) {
  delete found.resolved;
  delete found.funding;
}
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
