import {Component} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {formatPrice} from "../desk_format";
import {useDesk} from "../desk_hooks";

/** The campaign's articles with a quantity each; kept half made, sent with the result. */
export class OrderPane extends Component {
    static template = "telemarketing_base.OrderPane";
    static props = {};

    setup() {
        this.desk = useDesk();
    }

    get articles() {
        return this.desk.campaign.articles.map((article) => {
            const quantity = this.desk.draft.order[article.id] || 0;
            const price = article.price * (1 - (article.discount || 0) / 100);
            return {
                ...article,
                price,
                quantity,
                unit: formatPrice(price, article.currency),
                sum: quantity ? formatPrice(price * quantity, article.currency) : "",
            };
        });
    }

    get total() {
        const ordered = this.articles.filter((article) => article.quantity);
        if (!ordered.length) {
            return "";
        }
        const total = ordered.reduce(
            (sum, {price, quantity}) => sum + price * quantity,
            0
        );
        return _t("Total %s", formatPrice(total, ordered[0].currency));
    }

    add(article, step) {
        this.desk.setQuantity(article.id, article.quantity + step);
    }
}
