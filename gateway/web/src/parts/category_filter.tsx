// Which markets are wanted: those of one category, or all.
import { useId } from "preact/hooks";
import { go, marketsPath } from "../router";

/** `known` are offered; any other can be written. */
export function CategoryFilter({ category, known }: { category: string; known: Set<string> }) {
  const id = useId();
  return (
    <form
      class="form"
      aria-label="Category"
      onSubmit={(event) => {
        event.preventDefault();
        const wanted = new FormData(event.currentTarget).get("category");
        go(marketsPath(String(wanted ?? "").trim()));
      }}
      onReset={() => go(marketsPath(""))}
    >
      <label>
        Category
        <input
          name="category"
          list={`${id}-known`}
          defaultValue={category}
          maxLength={100}
          autocomplete="off"
          spellcheck={false}
        />
      </label>
      <datalist id={`${id}-known`}>
        {[...known].sort().map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <button type="submit">Filter</button>
      {category !== "" && <button type="reset">Show all</button>}
    </form>
  );
}

/** A category that leads to its markets. */
export function Category({ name }: { name: string }) {
  return <a href={marketsPath(name)}>{name}</a>;
}
