/* page.tsx - the control page: the way in, the clock, and the tabs. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { type Problem, problemOf, sentences } from "../../shared/api";
import { navigate, useLocation } from "../../shared/router";
import { Button, ProblemNotice, SecretInput, Skeleton, Tabs, ThemeSwitch, TopBar } from "../../shared/ui";
import { control, enter, fetchState, fetchWorld, leave, recall, useAction, type World } from "./client";
import { Clock } from "./clock";
import "./control.css";
import { FaultsTab } from "./faults";
import { LogTab } from "./log";
import { PersonalitiesTab } from "./personalities";
import { RulesTab } from "./rules";
import { SnapshotsTab } from "./snapshots";
import { TokensTab } from "./tokens";

const POLL_MS = 3000;

function tabsOf(world: World) {
	const faults = world.state.faults;
	return [
		{ id: "log", label: "Log" },
		{ id: "faults", label: faults > 0 ? `Faults (${faults})` : "Faults" },
		{ id: "tokens", label: "Tokens" },
		{ id: "personalities", label: "Personalities" },
		{ id: "rules", label: "Limits and settings" },
		{ id: "snapshots", label: "Snapshots" },
	];
}

function Frame({ children, onLeave }: { children: preact.ComponentChildren; onLeave?: () => void }) {
	return (
		<div class="site control">
			<TopBar mark="S" product="Control" tag="sandbox">
				<a class="btn btn-quiet btn-small" href="/developers/apps">App Console</a>
				{onLeave && <Button kind="quiet" small icon="lock" onClick={onLeave}>Lock</Button>}
			</TopBar>
			<main class="page">{children}</main>
			<footer class="footer">
				<p class="hint">What this page does, programs do by the control API: see the sandbox's manual.</p>
				<ThemeSwitch />
			</footer>
		</div>
	);
}

function Door({ onEntered }: { onEntered: () => void }) {
	const [token, setToken] = useState("");
	const { busy, problem, run } = useAction();
	const submit = (e: Event) => {
		e.preventDefault();
		if (token.trim() !== "")
			void run("enter", () => enter(token.trim())).then((done) => done && onEntered());
	};
	return (
		<Frame>
			<div class="narrow stack">
				<div>
					<h1>Drive the sandbox</h1>
					<p class="lead">Move its clock, spoil its replies, end tokens, keep its state, and watch what programs ask.</p>
				</div>
				<form class="card card-pad stack" onSubmit={submit} noValidate>
					{problem && !problem.field && <ProblemNotice problem={problem} />}
					<SecretInput label="Control token" value={token} onInput={setToken} autofocus
						error={problem?.field ? sentences(problem) : undefined}
						hint={<>It stands in the file <code>control-token</code> of the data directory, and is new at each start.</>} />
					<Button type="submit" kind="primary" wide busy={busy !== ""} disabled={token.trim() === ""}>Open</Button>
				</form>
				<p class="hint">It answers on this machine only.</p>
			</div>
		</Frame>
	);
}

function Open({ first, onLeave }: { first: World; onLeave: () => void }) {
	const [world, setWorld] = useState(first);
	const [problem, setProblem] = useState<Problem | null>(null);
	const { path, hash } = useLocation();
	const tabs = tabsOf(world);
	const tab = tabs.some((t) => t.id === hash) ? hash : "log";
	const reload = useCallback(() => {
		fetchWorld().then((w) => {
			setWorld(w);
			setProblem(null);
		}, (e) => setProblem(problemOf(e)));
	}, []);
	useEffect(() => {
		document.title = "Control · Sandbox";
		const timer = setInterval(() => {
			fetchState().then((state) => {
				setWorld((w) => ({ ...w, state }));
				setProblem(null);
			}, (e) => setProblem(problemOf(e)));
		}, POLL_MS);
		return () => clearInterval(timer);
	}, []);
	useEffect(reload, [tab]);
	const part = { world, reload };
	return (
		<Frame onLeave={onLeave}>
			<h1 class="visually-hidden">Control</h1>
			{problem && <div class="control-problem"><ProblemNotice problem={problem} /></div>}
			<Clock state={world.state} onMoved={reload} />
			<Tabs tabs={tabs} current={tab} onSelect={(id) => void navigate(`${path}#${id}`, { replace: true })}>
				{tab === "log" && <LogTab />}
				{tab === "faults" && <FaultsTab {...part} />}
				{tab === "tokens" && <TokensTab {...part} />}
				{tab === "personalities" && <PersonalitiesTab {...part} />}
				{tab === "rules" && <RulesTab />}
				{tab === "snapshots" && <SnapshotsTab {...part} />}
			</Tabs>
		</Frame>
	);
}

type Stage = { at: "looking" } | { at: "door" } | { at: "open"; world: World } | { at: "failed"; problem: Problem };

export function ControlPage() {
	const [stage, setStage] = useState<Stage>({ at: "looking" });
	const open = () => fetchWorld().then(
		(world) => setStage({ at: "open", world }),
		(e) => {
			const problem = problemOf(e);
			setStage(problem.status === 401 ? { at: "door" } : { at: "failed", problem });
		});
	useEffect(() => {
		document.title = "Control · Sandbox";
		control.onSignedOut = () => {
			setStage({ at: "door" });
			return Promise.resolve(false);
		};
		if (recall())
			void open();
		else
			setStage({ at: "door" });
	}, []);
	const close = () => void leave().catch(() => undefined).then(() => setStage({ at: "door" }));
	switch (stage.at) {
	case "looking":
		return <Frame><Skeleton lines={5} /></Frame>;
	case "door":
		return <Door onEntered={() => void open()} />;
	case "failed":
		return <Frame><div class="narrow"><ProblemNotice problem={stage.problem} /></div></Frame>;
	default:
		return <Open first={stage.world} onLeave={close} />;
	}
}
