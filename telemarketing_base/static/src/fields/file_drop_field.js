import {useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {checkFileSize} from "@web/core/utils/files";
import {getDataURLFromFile} from "@web/core/utils/urls";
import {BinaryField, binaryField} from "@web/views/fields/binary/binary_field";

/** Odoo's file field, which also takes a file that is dropped on it. */
export class FileDropField extends BinaryField {
    static template = "telemarketing_base.FileDropField";

    setup() {
        super.setup();
        this.drop = useState({over: false, reading: false});
    }

    get accepted() {
        return this.props.acceptedFileExtensions
            .split(",")
            .map((ending) => ending.trim().toLowerCase());
    }

    isAccepted(name) {
        const {accepted} = this;
        return (
            accepted.includes("*") ||
            accepted.some((ending) => name.toLowerCase().endsWith(ending))
        );
    }

    onDragOver(ev) {
        if (!this.props.readonly && [...ev.dataTransfer.types].includes("Files")) {
            ev.preventDefault();
            this.drop.over = true;
        }
    }

    async onDrop(ev) {
        this.drop.over = false;
        const file = ev.dataTransfer.files[0];
        if (this.props.readonly || !file) {
            return;
        }
        ev.preventDefault();
        if (!this.isAccepted(file.name)) {
            this.notification.add(
                _t("%s is not a spreadsheet nor a CSV file.", file.name),
                {type: "danger"}
            );
            return;
        }
        if (!checkFileSize(file.size, this.notification)) {
            return;
        }
        this.drop.reading = true;
        try {
            const url = await getDataURLFromFile(file);
            await this.update({data: url.split(",")[1], name: file.name});
        } finally {
            this.drop.reading = false;
        }
    }
}

export const fileDropField = {
    ...binaryField,
    component: FileDropField,
    displayName: _t("File, also dropped"),
};

registry.category("fields").add("telemarketing_file_drop", fileDropField);
