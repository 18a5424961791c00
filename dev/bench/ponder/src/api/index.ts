// Ponder asks for a web server; nothing is served.
import { Hono } from "hono";

export default new Hono();
