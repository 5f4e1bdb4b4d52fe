/* unsaved.tsx - asks before a tab with something unsaved is left. */
import { useLayoutEffect, useState } from "preact/hooks";
import { setLeaveGuard } from "../shared/router";
import { ConfirmDialog } from "../shared/ui";

type Answer = (leave: boolean) => void;

/* Put it into the part that holds what is unsaved; it shows nothing until somebody wants to leave. */
export function Unsaved({ changed, save }: { changed: boolean; save: string /* the button's word */ }) {
	const [asked, setAsked] = useState<{ answer: Answer } | null>(null);
	/* Together with the change itself, so that no click comes in between. */
	useLayoutEffect(() => {
		if (!changed)
			return undefined;
		setLeaveGuard(() => new Promise<boolean>((answer) => setAsked({ answer })));
		return () => setLeaveGuard(null);
	}, [changed]);
	if (!asked)
		return null;
	const end = (leave: boolean) => {
		setAsked(null);
		asked.answer(leave);
	};
	return (
		<ConfirmDialog title="Leave without saving?" confirm="Leave" keep="Stay" danger
			onClose={() => end(false)} onConfirm={() => end(true)}>
			<p>What you changed here is lost. Stay, and {save} keeps it.</p>
		</ConfirmDialog>
	);
}
