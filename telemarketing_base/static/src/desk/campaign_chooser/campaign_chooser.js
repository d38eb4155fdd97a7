import {Component, useExternalListener} from "@odoo/owl";
import {useDesk} from "../desk_hooks";
import {consume, digitOf, isTextField} from "../desk_keys";

/** My campaigns, and what waits in each. */
export class CampaignChooser extends Component {
    static template = "telemarketing_base.CampaignChooser";
    static props = {};

    setup() {
        this.desk = useDesk();
        useExternalListener(window, "keydown", this.onKeydown, {capture: true});
    }

    get campaigns() {
        return this.desk.campaigns.map((campaign, index) => ({
            ...campaign,
            key: index < 9 ? String(index + 1) : "",
            current: campaign.id === this.desk.campaign?.id,
        }));
    }

    onKeydown(ev) {
        if (isTextField(ev.target) || ev.ctrlKey || ev.metaKey || this.desk.menu) {
            return;
        }
        const digit = digitOf(ev);
        const campaign = digit && this.campaigns.find(({key}) => key === digit);
        if (campaign) {
            consume(ev);
            if (!ev.repeat) {
                this.desk.chooseCampaign(campaign.id);
            }
        }
    }
}
