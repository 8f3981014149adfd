// Builds static/vendor/editor-*.js; with --check, says whether they are what they would be.
import { build } from "esbuild";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../../static/vendor");
const BUNDLES = { page: "PlunkPage", blocks: "PlunkBlocks", code: "PlunkCode" };

async function bundle(name) {
  return build({
    absWorkingDir: here,
    entryPoints: [`src/${name}/index.js`],
    bundle: true,
    minify: true,
    format: "iife",
    globalName: BUNDLES[name],
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    write: false,
    outfile: `editor-${name}.js`,
    logLevel: "warning",
  });
}

// The packages of which something is in a bundle, with their licences.
function licences(results) {
  const names = new Set();
  for (const { metafile } of results) {
    for (const { inputs } of Object.values(metafile.outputs)) {
      for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
        const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
        if (found && bytesInOutput) names.add(found[1]);
      }
    }
  }
  const texts = [...names].sort().map(licence);
  return `The editor's scripts contain these packages, all under the MIT licence.\n\n${texts.join("\n")}`;
}

function licence(name) {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json")));
  if (license !== "MIT") throw new Error(`${name} is under ${license}: look whether it may be shipped.`);
  const file = readdirSync(folder).find((found) => /^licen[cs]e/i.test(found));
  const text = file ? readFileSync(join(folder, file), "utf8").trim() : "MIT, as its package.json says.";
  return `${"-".repeat(72)}\n${name} ${version}\n\n${text.replace(/\r\n/g, "\n")}\n`;
}

const results = await Promise.all(Object.keys(BUNDLES).map(bundle));
const files = new Map([["editor-licences.txt", licences(results)]]);
Object.keys(BUNDLES).forEach((name, index) => files.set(`editor-${name}.js`, results[index].outputFiles[0].text));

if (process.argv.includes("--check")) {
  const stale = [...files].filter(([name, text]) => readFileSync(join(out, name), "utf8") !== text).map(([name]) => name);
  if (stale.length) {
    console.error(`Not what the sources give: ${stale.join(", ")}. Run \`make editor\` and commit static/vendor.`);
    process.exit(1);
  }
} else {
  mkdirSync(out, { recursive: true });
  for (const [name, text] of files) {
    writeFileSync(join(out, name), text);
    const bytes = Buffer.from(text);
    console.log(`${name}: ${(bytes.length / 1024).toFixed(0)} KB, ${(gzipSync(bytes).length / 1024).toFixed(0)} KB compressed`);
  }
}
