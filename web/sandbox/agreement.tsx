/* agreement.tsx - the terms under a new app: short, and ticked by the person who makes it. */
import { useId } from "preact/hooks";

export function Agreement({ agreed, error, onChange }: {
	agreed: boolean; error?: string; onChange: (agreed: boolean) => void;
}) {
	const id = useId();
	return (
		<div class={error ? "field has-error" : "field"}>
			<div class="check">
				<input type="checkbox" id={id} checked={agreed} aria-invalid={error ? true : undefined}
					aria-describedby={error ? `${id}-hint ${id}-err` : `${id}-hint`}
					onChange={(e) => onChange(e.currentTarget.checked)} />
				<div>
					<label for={id}>I agree to the terms</label>
					<p class="hint" id={`${id}-hint`}>
						They stand in for the real ones: the app is for trying out, it passes for nobody
						else's, and what people let it see stays on this machine.
					</p>
				</div>
			</div>
			{error && <p class="field-error" role="alert" id={`${id}-err`}>{error}</p>}
		</div>
	);
}
