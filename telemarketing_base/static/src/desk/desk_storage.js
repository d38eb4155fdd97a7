import {browser} from "@web/core/browser/browser";

const ROOT = "telemarketing_desk";

/**
 * What must survive a reload, a crash or a lost network: the attempt being worked
 * (`draft.<target>`) and results that the server has not confirmed (`outbox.<uuid>`).
 * One key each, so that two tabs never overwrite one another's list.
 */
export class DeskStorage {
    constructor(scope) {
        this.prefix = `${ROOT}.${scope}.`;
        this.failed = false;
    }

    get(key) {
        try {
            return JSON.parse(browser.localStorage.getItem(this.prefix + key));
        } catch {
            return null;
        }
    }

    set(key, value) {
        try {
            browser.localStorage.setItem(this.prefix + key, JSON.stringify(value));
            this.failed = false;
        } catch {
            this.failed = true; // full or forbidden: the desk says so
        }
    }

    remove(key) {
        browser.localStorage.removeItem(this.prefix + key);
    }

    entries(start) {
        const found = [];
        const from = this.prefix + start;
        for (let index = 0; index < browser.localStorage.length; index++) {
            const key = browser.localStorage.key(index);
            if (key?.startsWith(from)) {
                const value = this.get(key.slice(this.prefix.length));
                if (value) {
                    found.push(value);
                }
            }
        }
        return found;
    }
}

/**
 * A random (version 4) UUID. Not crypto.randomUUID(): it is missing where the desk is
 * served on the local network without https.
 */
export function makeUuid() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] % 16) + 64;
    bytes[8] = (bytes[8] % 64) + 128;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(
        ""
    );
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The tab's name: survives a reload, differs between tabs. */
export function tabToken() {
    const key = `${ROOT}.token`;
    let token = browser.sessionStorage.getItem(key);
    if (!token) {
        token = makeUuid();
        browser.sessionStorage.setItem(key, token);
    }
    return token;
}
