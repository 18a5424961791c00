// A list is read as far as it is unfolded, in one state of the log if one request allows.
import { expect, test } from "vitest";
import { type PageRequest, readPages } from "./list";

/** A server that has `count` items and gives at most `most` of them at a time. */
function listOf(count: number, most = 1_000) {
  const asked: PageRequest[] = [];
  const read = async (request: PageRequest) => {
    asked.push(request);
    const from = Number(request.pageToken || "0");
    const end = Math.min(count, from + Math.min(request.pageSize, most));
    const items = Array.from({ length: end - from }, (_, index) => from + index);
    return { items, nextPageToken: end < count ? String(end) : "" };
  };
  return { asked, read: (wanted: number) => readPages(read, wanted, new AbortController().signal) };
}

test("what is wanted is read by one request", async () => {
  const { asked, read } = listOf(100);
  const { items, nextPageToken } = await read(75);
  expect(items).toHaveLength(75);
  expect(nextPageToken).toBe("75");
  expect(asked).toEqual([{ pageSize: 75, pageToken: "" }]);
});

test("what does not fit into a page comes by the tokens, each item once", async () => {
  const { asked, read } = listOf(3_000);
  const { items, nextPageToken } = await read(2_025);
  expect(items).toEqual(Array.from({ length: 2_025 }, (_, index) => index));
  expect(nextPageToken).toBe("2025");
  expect(asked.map(({ pageSize }) => pageSize)).toEqual([1_000, 1_000, 25]);
});

test("a list ends where the server says so", async () => {
  expect(await listOf(30, 20).read(100)).toMatchObject({ nextPageToken: "" });
  expect((await listOf(30, 20).read(100)).items).toHaveLength(30);
  expect((await listOf(0).read(25)).items).toEqual([]);
});
