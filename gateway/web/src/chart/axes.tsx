// Grid lines and labels of the chart.
import type { Layout } from "./layout";

export function Axes({ drawn }: { drawn: Layout }) {
  const { left, right, top, bottom } = drawn;
  return (
    <g class="axes">
      {drawn.yTicks.map(({ at, label }) => (
        <g key={label}>
          <line x1={left} x2={right} y1={at} y2={at} />
          <text x={left - 8} y={at + 4} text-anchor="end">
            {label}
          </text>
        </g>
      ))}
      {drawn.xTicks.map(({ at, label }) => (
        <g key={at}>
          <line class="tick" x1={at} x2={at} y1={bottom} y2={bottom + 5} />
          <text x={at} y={bottom + 20} text-anchor={anchor(at, drawn)}>
            {label}
          </text>
        </g>
      ))}
      <line class="base" x1={left} x2={right} y1={bottom} y2={bottom} />
      <line class="base" x1={left} x2={left} y1={top} y2={bottom} />
    </g>
  );
}

// A label at the right edge would be cut off if it were centred; on the left there is a margin.
function anchor(at: number, { right }: Layout): "middle" | "end" {
  return at > right - 20 ? "end" : "middle";
}
