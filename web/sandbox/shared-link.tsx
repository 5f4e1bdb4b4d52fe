/* shared-link.tsx - what a shared link leads to: a file to save, or what a folder holds. */
import { EmptyState } from "../shared/ui";
import { Layout } from "./layout";
import { useTitle } from "./session";
import type { SharedEntry, SharedLink } from "./types";

function size(bytes: number): string {
	return bytes === 1 ? "1 byte" : `${bytes.toLocaleString("en")} bytes`;
}

function Entry({ entry }: { entry: SharedEntry }) {
	return <li><bdi>{entry.name}</bdi> <span class="hint">{entry.folder ? "folder" : size(entry.size)}</span></li>;
}

export function SharedLinkPage({ link }: { link: SharedLink }) {
	useTitle(link.name);
	return (
		<Layout bare>
			<div class="card card-pad narrow stack">
				<div>
					<h1><bdi>{link.name}</bdi></h1>
					<p class="hint">Shared by <bdi>{link.owner}</bdi>{link.folder ? "" : `, ${size(link.size)}`}</p>
				</div>
				{link.folder && link.entries.length === 0 && <EmptyState title="This folder is empty" />}
				{link.entries.length > 0 && <ul>{link.entries.map((e) => <Entry key={e.name} entry={e} />)}</ul>}
				{link.download && <p><a class="btn btn-primary" href={link.download}>Download</a></p>}
				{!link.folder && !link.download && <p>Its owner does not let it be downloaded.</p>}
			</div>
		</Layout>
	);
}
