/* channel.ts - how the pop-up's last page tells the configuration screen that it is done.
 *
 * The two pages share an origin and nothing else: the window in between belonged to the provider, which
 * may have cut the link between opener and opened. No message carries a secret. */

export interface CallbackMessage {
	type: "oauth-callback";
	connection: string | null;
	outcome: "connected" | "failed";
	title: string;
	detail: string;
	todo: string;
}

/* A configuration screen has taken the message over and shows it; owner: the attempt is its own. */
export interface AckMessage {
	type: "oauth-ack";
	connection: string | null;
	owner: boolean;
}

export type Message = CallbackMessage | AckMessage;

export function openChannel(onMessage: (m: Message) => void): BroadcastChannel {
	const channel = new BroadcastChannel("valetkey");
	channel.onmessage = (e: MessageEvent) => {
		const m = e.data as Message | null;
		if (m?.type === "oauth-callback" || m?.type === "oauth-ack")
			onMessage(m);
	};
	return channel;
}
