import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";

/**
 * Supervisors, wherever they are in Odoo: who asks for help stands on the screen until
 * somebody goes or the agent has taken the hand down.
 */
export const helpService = {
    dependencies: ["action", "bus_service", "notification", "orm"],

    start(env, {action, bus_service: bus, notification, orm}) {
        const shown = new Map();

        const close = (id) => {
            shown.get(id)?.();
            shown.delete(id);
        };

        const coming = async (id) => {
            const answer = await orm.call(
                "telemarketing.agent.session",
                "action_help_coming",
                [[id]]
            );
            close(id);
            if (answer.mine) {
                return;
            }
            notification.add(
                answer.coming
                    ? _t("%s is going already.", answer.coming)
                    : _t("It is solved: nobody asks any more."),
                {type: "info"}
            );
        };

        bus.subscribe("telemarketing_help", ({what, session_id: id, ...told}) => {
            close(id);
            if (what !== "asked") {
                return;
            }
            const remove = notification.add(
                [told.campaign, told.text].filter(Boolean).join(" · "),
                {
                    title: _t("%s asks for help", told.agent),
                    type: "warning",
                    sticky: true,
                    buttons: [
                        {
                            name: _t("I am coming"),
                            primary: true,
                            onClick: () => coming(id),
                        },
                        {
                            name: _t("Who asks"),
                            onClick: () =>
                                action.doAction(
                                    "telemarketing_base.action_telemarketing_help"
                                ),
                        },
                    ],
                }
            );
            shown.set(id, remove);
        });
        bus.start();
        return {shown};
    },
};

registry.category("services").add("telemarketing_help", helpService);
