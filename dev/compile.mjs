// Compiles our Solidity with the pinned solc into contracts/out/<Contract>.json (abi and bytecode).
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const folder = join(dirname(fileURLToPath(import.meta.url)), "contracts");
const files = readdirSync(folder).filter((name) => name.endsWith(".sol")).sort();
const sources = Object.fromEntries(files.map((name) => [name, { content: readFileSync(join(folder, name), "utf8") }]));

const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources,
      settings: {
        evmVersion: "paris",
        optimizer: { enabled: true, runs: 200 },
        outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
      },
    }),
  ),
);
for (const problem of output.errors ?? []) console.error(problem.formattedMessage);
if ((output.errors ?? []).some((problem) => problem.severity === "error")) process.exit(1);

mkdirSync(join(folder, "out"), { recursive: true });
for (const name of files) {
  const contract = name.replace(/\.sol$/, "");
  const { abi, evm } = output.contracts[name][contract];
  const artifact = { contractName: contract, abi, bytecode: `0x${evm.bytecode.object}` };
  writeFileSync(join(folder, "out", `${contract}.json`), `${JSON.stringify(artifact, null, 2)}\n`);
  console.log(`compiled ${contract}`);
}
