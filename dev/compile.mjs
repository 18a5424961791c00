// Compiles our Solidity with the pinned solc into contracts/out/<Contract>.json (abi and bytecode).
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, "contracts");
const files = readdirSync(folder).filter((name) => name.endsWith(".sol")).sort();
const sources = Object.fromEntries(files.map((name) => [name, { content: readFileSync(join(folder, name), "utf8") }]));

// Libraries come from the pinned packages; one that is missing is the compiler's error.
function library(path) {
  try {
    return { contents: readFileSync(join(here, "node_modules", path), "utf8") };
  } catch (error) {
    return { error: error.message };
  }
}

function compile(sources, evmVersion) {
  const input = {
    language: "Solidity",
    sources,
    settings: {
      evmVersion,
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
    },
  };
  return JSON.parse(solc.compile(JSON.stringify(input), { import: library }));
}

// OpenZeppelin needs newer instructions than our own contracts ask a chain for.
const usesOpenZeppelin = ([, source]) => source.content.includes("@openzeppelin/");
const all = Object.entries(sources);
const outputs = [
  compile(Object.fromEntries(all.filter((source) => !usesOpenZeppelin(source))), "paris"),
  compile(Object.fromEntries(all.filter(usesOpenZeppelin)), "cancun"),
];
const problems = outputs.flatMap((output) => output.errors ?? []);
const contracts = Object.assign({}, ...outputs.map((output) => output.contracts));
for (const problem of problems) console.error(problem.formattedMessage);
if (problems.some((problem) => problem.severity === "error")) process.exit(1);

mkdirSync(join(folder, "out"), { recursive: true });
for (const name of files) {
  const contract = name.replace(/\.sol$/, "");
  const { abi, evm } = contracts[name][contract];
  const artifact = { contractName: contract, abi, bytecode: `0x${evm.bytecode.object}` };
  writeFileSync(join(folder, "out", `${contract}.json`), `${JSON.stringify(artifact, null, 2)}\n`);
  console.log(`compiled ${contract}`);
}
