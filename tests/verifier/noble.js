// @ts-check
// Lets Node find @noble where npm put it: the verifier's modules name it as they do for the bundler.
import { registerHooks } from "node:module";

const parentURL = new URL("../../hardhat_local/package.json", import.meta.url).href;

registerHooks({
  resolve: (name, context, next) => next(name, name.startsWith("@noble/") ? { ...context, parentURL } : context),
});
