import {makeUuid} from "../desk_storage";

/*
 * What an agent does about people besides calling them: their numbers, who rings, who
 * is new. Each is one request of the desk's store.
 */

async function changePhones(desk, method, kwargs) {
    const {target} = desk.call;
    const answer = await desk.request("phones", "phones", method, {
        target_id: target.id,
        ...kwargs,
    });
    if (!answer || desk.call?.target?.id !== answer.target_id) {
        return false;
    }
    desk.call.phones = answer.phones;
    desk.call.may_call = answer.may_call;
    target.suggested_phone_id = answer.suggested_phone_id;
    return answer;
}

/** A number of the person on the desk; chosen at once where it may be dialled. */
export async function addPhone(desk, text) {
    const answer = await changePhones(desk, "add_phone", {text});
    const added = answer && answer.phones.find((each) => each.id === answer.phone_id);
    if (added?.callable) {
        desk.choosePhone(added.id);
    }
    return answer;
}

export async function markPhone(desk, phoneId, bad) {
    const answer = await changePhones(desk, "mark_phone", {phone_id: phoneId, bad});
    if (answer && bad && desk.draft.phone_id === phoneId && answer.suggested_phone_id) {
        desk.choosePhone(answer.suggested_phone_id);
    }
    return answer;
}

export async function movePhone(desk, phoneId, step) {
    const ids = desk.call.phones.map((phone) => phone.id);
    const from = ids.indexOf(phoneId);
    const to = from + step;
    if (from < 0 || to < 0 || to >= ids.length) {
        return false;
    }
    ids.splice(to, 0, ...ids.splice(from, 1));
    return changePhones(desk, "order_phones", {phone_ids: ids});
}

/** The line rings: who it is, without taking anything from under the hand. */
export function rings(desk, number) {
    desk.incoming = {uuid: makeUuid(), number: number || "", rung: true};
    desk.setError("caller", "");
    if (number) {
        return lookUp(desk, number);
    }
}

/** The agent's own telephone rings, of which nobody tells us: ask for the number. */
export function hearCall(desk) {
    if (!desk.campaign || desk.offline || desk.otherSeat || desk.loggedOut) {
        return;
    }
    if (desk.incoming) {
        desk.incoming = null;
        return;
    }
    desk.menu = "";
    desk.setError("caller", "");
    desk.incoming = {uuid: makeUuid(), number: "", rung: false};
}

export async function lookUp(desk, number) {
    const {uuid} = desk.incoming;
    const answer = await desk.ask("caller", "caller", {number});
    if (answer && desk.incoming?.uuid === uuid) {
        Object.assign(desk.incoming, {
            number: answer.number ? answer.number.text : "",
            display: answer.number ? answer.number.display : "",
            people: answer.people,
            elsewhere: answer.elsewhere,
        });
    }
}

/** A call is taken while nobody else is spoken to. */
export function mayReceive(desk) {
    return !desk.inCall && !desk.busy && !desk.offline;
}

export async function receive(desk, targetId) {
    if (!mayReceive(desk) || !desk.incoming) {
        return false;
    }
    const {uuid, number} = desk.incoming;
    const answer = await desk.request("receive", "caller", "receive_call", {
        uuid,
        target_id: targetId,
        number,
    });
    if (answer) {
        desk.incoming = null;
        desk.writing = null;
        desk.empty = false;
    }
    return answer;
}

/** Opens the form for somebody new: who rings, where a call is under way. */
export function writeDown(desk) {
    const {incoming} = desk;
    desk.setError("writing", "");
    desk.writing = {
        incoming: Boolean(incoming),
        uuid: incoming ? incoming.uuid : false,
        values: {phone: incoming ? incoming.display || incoming.number : ""},
        form: null,
        duplicates: [],
        elsewhere: 0,
    };
}

export async function create(desk, values, anyway = false) {
    const {uuid} = desk.writing;
    const answer = await desk.request("new_contact", "writing", "new_contact", {
        values,
        anyway,
        uuid,
    });
    if (!answer || !desk.writing) {
        return false;
    }
    if (answer.duplicates) {
        Object.assign(desk.writing, {
            duplicates: answer.duplicates,
            elsewhere: answer.elsewhere,
        });
        return false;
    }
    desk.writing = null;
    desk.incoming = null;
    if (answer.not_opened) {
        desk.setError("next", answer.not_opened);
    } else {
        desk.empty = false;
    }
    return answer;
}
