// Serves the built app as the gateway does, under the strict content security policy.
import { existsSync, readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import type { connectNodeAdapter } from "@connectrpc/connect-node";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const TYPES: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
};

/** Answers with a file of the build, or with the one page for every other path. */
export const serveApp: ReturnType<typeof connectNodeAdapter> = (request, response) => {
  if (!existsSync(DIST)) throw new Error("the app is not built: run `npm run build` first");
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const wanted = join(DIST, normalize(pathname));
  const file = extname(pathname) !== "" && existsSync(wanted) ? wanted : join(DIST, "index.html");
  response.writeHead(200, {
    "content-type": TYPES[extname(file)] ?? "application/octet-stream",
    "content-security-policy": "default-src 'self'",
  });
  response.end(readFileSync(file));
};
