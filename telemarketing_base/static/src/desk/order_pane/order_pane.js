import {Component, onMounted, onWillUnmount, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {browser} from "@web/core/browser/browser";
import {cardProblem, isIban} from "./cards";
import {formatPrice} from "../desk_format";
import {orderCodes, orderDetails, orderLines, orderPayment} from "./order_draft";
import {useDesk} from "../desk_hooks";

const PRICE_AFTER = 400;

/**
 * The campaign's articles with a quantity each, how they are paid and delivered; kept
 * half made, sent with the result. The final price is the server's, asked while the
 * agent goes on; until it comes the sum without taxes stands there.
 */
export class OrderPane extends Component {
    static template = "telemarketing_base.OrderPane";
    static props = {};

    setup() {
        this.desk = useDesk();
        this.state = useState({quote: null, asking: false});
        this.asked = 0;
        onMounted(() => this.askPrice());
        onWillUnmount(() => {
            browser.clearTimeout(this.timer);
            this.asked++;
        });
    }

    get details() {
        return orderDetails(this.desk.draft);
    }

    get articles() {
        return this.desk.campaign.articles.map((article) => {
            const quantity = this.desk.draft.order[article.id] || 0;
            const price = article.price * (1 - (article.discount || 0) / 100);
            const line = this.state.quote?.lines.find(
                (each) => each.article_id === article.id
            );
            const known = line && line.quantity === quantity;
            return {
                ...article,
                price,
                quantity,
                read: this.details.read.includes(article.conditions_key),
                unit: formatPrice(price, article.currency),
                sum: quantity
                    ? formatPrice(
                          known ? line.total : price * quantity,
                          article.currency
                      )
                    : "",
            };
        });
    }

    get ordered() {
        return orderLines(this.desk).length > 0;
    }

    get total() {
        const ordered = this.articles.filter((article) => article.quantity);
        if (!ordered.length) {
            return "";
        }
        const {quote} = this.state;
        if (quote) {
            return _t("Total to pay %s", formatPrice(quote.total, quote.currency));
        }
        const total = ordered.reduce(
            (sum, {price, quantity}) => sum + price * quantity,
            0
        );
        return _t("Total %s", formatPrice(total, ordered[0].currency));
    }

    get taxes() {
        const {quote} = this.state;
        if (!quote) {
            return this.ordered ? _t("Without taxes, until the price is known") : "";
        }
        const price = (amount) => formatPrice(amount, quote.currency);
        const net = quote.taxes.length ? [_t("Net %s", price(quote.untaxed))] : [];
        return net
            .concat(quote.taxes.map(({name, amount}) => `${name} ${price(amount)}`))
            .join(" · ");
    }

    get offers() {
        const {offers = [], currency} = this.state.quote || {};
        return offers.map(({name, total}) => `${name} ${formatPrice(total, currency)}`);
    }

    get payments() {
        return this.desk.campaign.payments || [];
    }

    get payment() {
        return orderPayment(this.desk);
    }

    get ibanProblem() {
        const {iban} = this.details;
        const card = cardProblem(iban);
        if (card) {
            return card;
        }
        const whole = iban.replace(/[^A-Za-z0-9]/g, "").length >= 24;
        return whole && !isIban(iban)
            ? _t("The IBAN is not right: read it back to the person.")
            : "";
    }

    get problem() {
        const {delivery, holder, code} = this.details;
        return [holder, code, ...Object.values(delivery)]
            .map(cardProblem)
            .find((text) => text);
    }

    add(article, step) {
        this.setQuantity(article, article.quantity + step);
    }

    setQuantity(article, quantity) {
        this.desk.setQuantity(article.id, quantity);
        this.state.quote = null;
        this.askLater();
    }

    set(name, value) {
        this.desk.setExtra("order", {...this.details, [name]: value});
        if (name === "code") {
            this.askLater();
        }
    }

    setDelivery(name, value) {
        this.set("delivery", {...this.details.delivery, [name]: value});
    }

    toggleRead(article) {
        const {read} = this.details;
        const key = article.conditions_key;
        this.set(
            "read",
            article.read ? read.filter((each) => each !== key) : [...read, key]
        );
    }

    askLater() {
        browser.clearTimeout(this.timer);
        this.asked++;
        this.timer = browser.setTimeout(() => this.askPrice(), PRICE_AFTER);
    }

    /** Nothing waits for it; an answer that comes too late is dropped. */
    async askPrice() {
        const mine = ++this.asked;
        const {desk} = this;
        const lines = orderLines(desk);
        if (!lines.length || desk.offline) {
            this.state.quote = null;
            return;
        }
        this.state.asking = true;
        const answer = await desk.ask("order", "price_order", {
            target_id: desk.draft.target_id,
            lines,
            codes: orderCodes(desk),
        });
        if (mine === this.asked) {
            this.state.asking = false;
            this.state.quote = answer && answer.lines ? answer : null;
        }
    }
}
