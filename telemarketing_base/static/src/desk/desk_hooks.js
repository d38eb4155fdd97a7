import {useEnv, useState} from "@odoo/owl";

/** The desk's store, watched by the component that asks. */
export function useDesk() {
    return useState(useEnv().desk);
}
