// The path of one outcome's price: a staircase, since a price holds until the next trade.

export interface Step {
  x: number;
  /** Undefined: there was no price from here on. */
  y: number | undefined;
}

/** SVG path data through the steps, the last one drawn on to `right`. */
export function staircase(steps: Step[], right: number): string {
  let path = "";
  let drawing = false;
  for (const { x, y } of steps) {
    if (y === undefined) {
      if (drawing) path += `H${pixel(x)}`;
      drawing = false;
    } else if (drawing) {
      path += `H${pixel(x)}V${pixel(y)}`;
    } else {
      path += `M${pixel(x)} ${pixel(y)}`;
      drawing = true;
    }
  }
  return drawing ? `${path}H${pixel(right)}` : path;
}

function pixel(value: number): string {
  return (Math.round(value * 10) / 10).toString();
}
