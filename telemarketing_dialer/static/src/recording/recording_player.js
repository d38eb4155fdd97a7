import {Component, onWillStart, useRef, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatSeconds} from "@telemarketing_base/fields/seconds_field";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {url} from "@web/core/utils/urls";
import {user} from "@web/core/user";

export const SPEEDS = [1, 1.25, 1.5, 1.75, 2];
const SUPERVISOR = "telemarketing_base.group_supervisor";

/**
 * The sound of one recording. It is asked for when somebody presses play, not before:
 * each listening is written down.
 */
export class RecordingPlayer extends Component {
    static template = "telemarketing_dialer.RecordingPlayer";
    static props = {
        id: Number,
        seconds: {type: Number, optional: true},
        muted: {type: Number, optional: true},
    };

    setup() {
        this.audio = useRef("audio");
        this.speeds = SPEEDS;
        this.formatSeconds = formatSeconds;
        this.state = useState({
            open: false,
            playing: false,
            at: 0,
            length: this.props.seconds || 0,
            speed: 1,
            failed: false,
            mayDownload: false,
        });
        onWillStart(async () => {
            this.state.mayDownload = await user.hasGroup(SUPERVISOR);
        });
    }

    get source() {
        return url(`/telemarketing/recording/${this.props.id}`);
    }

    get playText() {
        return _t("Listen; it is written down who did");
    }

    get pauseText() {
        return _t("Pause");
    }

    get mutedText() {
        return _t("Silenced while payment data were said: %s", this.mutedTime);
    }

    get mutedTime() {
        return formatSeconds(this.props.muted);
    }

    async toggle() {
        const audio = this.audio.el;
        if (this.state.playing) {
            audio.pause();
            return;
        }
        if (!this.state.open || this.state.failed) {
            this.state.open = true;
            this.state.failed = false;
            audio.src = this.source;
        }
        audio.playbackRate = this.state.speed;
        try {
            await audio.play();
        } catch (error) {
            // A pause before the sound has come is no fault.
            this.state.failed ||= error.name !== "AbortError";
        }
    }

    onTime() {
        const audio = this.audio.el;
        this.state.at = audio.currentTime;
        if (Number.isFinite(audio.duration)) {
            this.state.length = audio.duration;
        }
    }

    onSeek(ev) {
        this.state.at = Number(ev.target.value);
        if (this.state.open) {
            this.audio.el.currentTime = this.state.at;
        }
    }

    onSpeed(ev) {
        this.state.speed = Number(ev.target.value);
        this.audio.el.playbackRate = this.state.speed;
    }
}

/** Recordings of a call, each with its player; the deleted ones have none. */
export class RecordingsField extends Component {
    static template = "telemarketing_dialer.RecordingsField";
    static components = {RecordingPlayer};
    static props = {...standardFieldProps};

    get recordings() {
        return this.props.record.data[this.props.name].records
            .filter((record) => !record.data.deleted_at)
            .map(({resId, data}) => ({
                id: resId,
                seconds: data.seconds,
                muted: data.muted_seconds,
            }));
    }
}

registry.category("fields").add("telemarketing_recordings", {
    component: RecordingsField,
    displayName: _t("Players of recordings"),
    supportedTypes: ["one2many"],
    relatedFields: () => [
        {name: "seconds", type: "integer"},
        {name: "muted_seconds", type: "integer"},
        {name: "deleted_at", type: "datetime"},
    ],
});

/** The player of a recording's own row or form. */
export class RecordingField extends Component {
    static template = "telemarketing_dialer.RecordingField";
    static components = {RecordingPlayer};
    static props = {...standardFieldProps};

    get data() {
        return this.props.record.data;
    }
}

registry.category("fields").add("telemarketing_recording", {
    component: RecordingField,
    displayName: _t("Player of the recording"),
    supportedTypes: ["integer"],
    fieldDependencies: [
        {name: "muted_seconds", type: "integer"},
        {name: "deleted_at", type: "datetime"},
    ],
});
