/* types.ts - what the sandbox's private JSON API says, as src/sandbox writes it. */
import type { SessionBase } from "../shared/api";

export type ApiKind = "dropbox" | "business";
export type Access = "app_folder" | "full";
export type Status = "development" | "production";
export type TokenLife = "short" | "none";

export interface Account {
	account_id: string;
	email: string;
	display_name: string;
	initials: string;
	type: "basic" | "business";
	team: { name: string; role: "admin" | "member" } | null;
}

export interface Session extends SessionBase {
	account: Account | null;
	public_url: string;
	console_url: string; /* where the App Console is: another address when this page came by the proxy */
	now_ms: number;
}

export interface AppRow {
	app_key: string;
	name: string;
	api: ApiKind;
	access: Access;
	status: Status;
	icon_id: string | null;
	created_ms: number;
}

/* A page of My apps; next goes into ?after= for the one behind it. */
export interface AppPage {
	apps: AppRow[];
	total: number;
	next: string | null;
}

export interface Scope {
	scope: string;
	title: string;
	kind: "read" | "write";
}

export interface AppScope extends Scope {
	granted: boolean;
	fixed: boolean;
	team: boolean;
	needs: string | null; /* the one it is of no use without */
}

export interface App extends AppRow {
	folder_name: string | null;
	owner_email: string;
	redirect_uris: string[];
	domains: string[];
	scopes: AppScope[];
	users_linked: number;
	users_max: number; /* while it is in development */
	more_users: boolean;
	public_clients: boolean;
	token_life: TokenLife;
	publisher: string;
	website: string;
	description: string;
}

export interface Delivery {
	at_ms: number;
	accounts: number;
	attempt: number;
	delivered: boolean;
	status: number | null;
	error: string | null;
	again_ms: number | null;
}

export interface Webhook {
	id: string;
	uri: string;
	enabled: boolean;
	deliveries: Delivery[]; /* newest first */
}

export interface ConnectedApp {
	grant_id: string;
	app_key: string;
	name: string;
	access: Access;
	scopes: Scope[];
	connected_ms: number;
	icon_id: string | null;
	publisher: string | null;
	website: string | null;
	folder_name: string | null;
	token_ms: number; /* when it last got a token */
}

export interface ConsentApp {
	app_key: string;
	name: string;
	icon_id: string | null;
	publisher: string | null;
	website: string | null;
	description: string | null;
	owner_name: string;
	owner_email: string;
	access: Access;
	folder_name: string | null;
	status: string;
	api: ApiKind;
}

export interface Consent {
	stage: "consent";
	app: ConsentApp;
	account: Account;
	team: string | null; /* the team's name when it is to be connected as a whole */
	scopes: Scope[];
	offline: boolean;
	answer_goes_to: string | null;
}

export interface Refused {
	stage: "refused";
	code: string;
	title: string;
	detail: string;
	todo: string;
	account: Account;
	other_account: boolean;
	can_go_back: boolean;
}

export type AuthorizeStage =
	| { stage: "sign_in"; app: { name: string } }
	| Consent
	| Refused
	| { stage: "redirect"; redirect: string };

export interface AuthorizeAnswer {
	redirect?: string;
	code?: string;
	cancelled?: boolean;
}

export interface ErrorPage {
	status: number;
	title: string;
	detail: string;
	todo?: string;
	redirect_uri?: string;
	request_id?: string;
}

export interface SharedEntry {
	name: string;
	folder: boolean;
	size: number;
}

export interface SharedLink extends SharedEntry {
	owner: string;
	download: string | null; /* an address that gives the file to save */
	entries: SharedEntry[];
}

export type Boot =
	| { page: "app" }
	| { page: "authorize"; request: string }
	| ({ page: "link" } & SharedLink)
	| ({ page: "error" } & ErrorPage);

export const API_WORDS: Record<ApiKind, string> = {
	dropbox: "Dropbox API",
	business: "Dropbox Business API",
};

export const ACCESS_WORDS: Record<Access, string> = {
	app_folder: "App folder",
	full: "Full Dropbox",
};

export const STATUS_WORDS: Record<Status, string> = {
	development: "Development",
	production: "Production",
};
