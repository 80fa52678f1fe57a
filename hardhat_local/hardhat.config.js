import { readFileSync } from "node:fs";
import { defineConfig } from "hardhat/config";

// The contract, its tests and its compiler settings stand in ../contracts; the compiler is the npm package solc.
const compiler = JSON.parse(readFileSync(`${import.meta.dirname}/../contracts/compiler.json`, "utf8"));

export default defineConfig({
  paths: { sources: "contracts", tests: { solidity: "contracts/test" } },
  solidity: { ...compiler, path: `${import.meta.dirname}/node_modules/solc/soljson.js` },
  test: {
    solidity: {
      fuzz: { runs: 256, seed: "0x1" },
      invariant: { runs: 64, depth: 64, failOnRevert: true },
    },
  },
});
