import {browser} from "@web/core/browser/browser";

const KEY = "telemarketing.chime";

/** Does this computer sound when a person comes? It does until it is told not to. */
export function chimes() {
    return browser.localStorage.getItem(KEY) !== "off";
}

export function setChimes(on) {
    browser.localStorage.setItem(KEY, on ? "on" : "off");
}

/** Two short notes: somebody is there. Silent where the browser lets no page sound. */
export function chime() {
    const Context = browser.AudioContext || window.AudioContext;
    if (!chimes() || !Context) {
        return;
    }
    try {
        const context = new Context();
        const volume = context.createGain();
        volume.gain.value = 0.12;
        volume.connect(context.destination);
        for (const [index, hertz] of [660, 880].entries()) {
            const note = context.createOscillator();
            note.frequency.value = hertz;
            note.connect(volume);
            note.start(context.currentTime + index * 0.11);
            note.stop(context.currentTime + index * 0.11 + 0.1);
            note.onended = index ? () => context.close() : null;
        }
    } catch {
        // The person is on the screen all the same.
    }
}
