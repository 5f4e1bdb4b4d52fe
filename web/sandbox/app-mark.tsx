/* app-mark.tsx - an app's own icon where it has one, else the letter of its name. */
import { useState } from "preact/hooks";
import { LetterMark } from "../shared/ui";

export function AppMark({ name, iconId, large }: { name: string; iconId: string | null; large?: boolean }) {
	const [broken, setBroken] = useState(false);
	if (!iconId || broken)
		return <LetterMark name={name} large={large} />;
	return (
		<img class={large ? "app-icon is-large" : "app-icon"} alt="" onError={() => setBroken(true)}
			src={`/_web/icons/${encodeURIComponent(iconId)}`} />
	);
}
