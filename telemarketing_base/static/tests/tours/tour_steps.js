export const phase = (name) => `.o_tm_desk[data-phase='${name}']`;
export const result = (code) => `.o_tm_result[data-disposition-code='${code}']`;

/** The desk ignores a hand that is still on the last key; people take longer. */
export function press(selector) {
    return {
        trigger: `${selector}:enabled`,
        async run({queryOne}) {
            await new Promise((resolve) => setTimeout(resolve, 900));
            queryOne(selector).click();
        },
    };
}

/** A telephone link must not leave the page of a test. */
export function keepTelephoneLinks() {
    document.addEventListener("click", (ev) => {
        if (ev.target.closest("a[href^='tel:']")) {
            ev.preventDefault();
        }
    });
}

export function chooseCampaign(name) {
    return [
        {
            content: "the telephone stays in its cradle",
            trigger: ".o_tm_desk",
            run: keepTelephoneLinks,
        },
        {
            trigger: `${phase("no_campaign")} .o_tm_campaign_card:contains(${name})`,
            run: "click",
        },
    ];
}
