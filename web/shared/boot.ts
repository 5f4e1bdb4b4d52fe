/* boot.ts - the data block that the server put into the page. */

/* Throws when the block is missing: the shell was then not served by its own server. */
export function readBoot<T>(): T {
	const block = document.getElementById("boot");
	if (!block?.textContent)
		throw new Error("the page has no boot data");
	return JSON.parse(block.textContent) as T;
}
