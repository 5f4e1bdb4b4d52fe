/* What tests/run reads of a test file: a JSON line for each test that ended. */
function reason(error) {
	const cause = error?.cause ?? error;
	return String(cause?.stack ?? cause?.message ?? cause);
}

export default async function* reporter(events) {
	for await (const { type, data } of events) {
		if (type !== 'test:pass' && type !== 'test:fail') continue;
		const suite = data.details?.type === 'suite';
		const failed = type === 'test:fail' && !data.todo;
		/* A suite fails with its tests; it counts only when it failed by itself (a hook). */
		const own = data.details?.error?.failureType !== 'subtestsFailed';
		if (failed ? !own : suite) continue;
		const row = { name: data.name, skipped: data.skip !== undefined || data.todo !== undefined, failed };
		if (failed) row.reason = reason(data.details?.error);
		yield `${JSON.stringify(row)}\n`;
	}
}
