// How the app is built and served while it is being worked on.
import { defineConfig } from "vite";

// The prefixes that the gateway answers itself; everything else is a page of the app.
const GATEWAY = ["/capstan.", "/api/", "/v1/", "/health"];
const target = process.env.CAPSTAN_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    // Data URIs and inline preload scripts would break the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    // The licences of what is bundled ask to be handed on with it.
    license: { fileName: "licenses.md" },
  },
  server: { proxy: Object.fromEntries(GATEWAY.map((prefix) => [prefix, { target }])) },
});
