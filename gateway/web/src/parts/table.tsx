// A table that a phone can show: it scrolls sideways within itself, also by keyboard.
import { type ComponentChildren, Fragment } from "preact";

export interface Row {
  key: string;
  /** One cell for each column; the first one heads the row. */
  cells: ComponentChildren[];
  /** More about the row, under it in the whole width. */
  details?: ComponentChildren;
}

/** A column whose name begins with # holds numbers and is set to the right. */
export function Table({
  name,
  label,
  columns,
  rows,
}: {
  name: string;
  label: string;
  columns: string[];
  rows: Row[];
}) {
  const isNumber = columns.map((column) => column.startsWith("#"));
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={`${label}, table`}>
      <table class={name}>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th key={column} scope="col" class={isNumber[index] ? "right" : undefined}>
                {column.replace(/^#/, "")}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells: [head, ...cells], details }) => (
            <Fragment key={key}>
              <tr data-key={key}>
                <th scope="row">{head}</th>
                {cells.map((cell, index) => (
                  <td key={index} class={isNumber[index + 1] ? "right" : undefined}>
                    {cell}
                  </td>
                ))}
              </tr>
              {details && (
                <tr class="details">
                  <td colSpan={columns.length}>{details}</td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}
