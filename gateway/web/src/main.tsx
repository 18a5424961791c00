// Starts the app.
import { render } from "preact";
import { App } from "./app";
import { startRouter } from "./router";
import "./style/base.css";
import "./style/layout.css";
import "./style/parts.css";
import "./style/chart.css";
import "./style/indexer.css";
import "./style/quoter.css";

const root = document.getElementById("app");
if (root) {
  startRouter();
  render(<App />, root);
}
