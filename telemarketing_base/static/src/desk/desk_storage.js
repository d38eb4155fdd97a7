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

/** The tab's name: survives a reload, differs between tabs. */
export function tabToken(makeToken) {
    const key = `${ROOT}.token`;
    let token = browser.sessionStorage.getItem(key);
    if (!token) {
        token = makeToken();
        browser.sessionStorage.setItem(key, token);
    }
    return token;
}
