// Rows of inputs named `<group>-<index>-<key>`, as the server writes and reads them. Its last row
// is empty: new ones are copies of it.

export class Rows {
    constructor(box, kind) {
        this.box = box;
        this.kind = kind;
        this.count = box.querySelector('input[type="hidden"]');
        const rows = [...box.querySelectorAll('fieldset')];
        this.blank = rows.at(-1).cloneNode(true);
        rows.filter((row) => this.isEmpty(row)).forEach((row) => row.remove());
    }

    get all() {
        return [...this.box.querySelectorAll('fieldset')];
    }

    field(row, key) {
        return row.querySelector(`[name^="${this.kind.group}-"][name$="-${key}"]`);
    }

    isEmpty(row) {
        return !this.field(row, this.kind.key).value.trim();
    }

    add(values = {}) {
        const row = this.blank.cloneNode(true), index = this.count.value;
        for (const field of row.querySelectorAll(`[name^="${this.kind.group}-"]`)) {
            field.name = field.name.replace(/-\d+-/, `-${index}-`);
        }
        this.count.value = Number(index) + 1;
        this.box.append(row);
        this.fill(row, values);
        return row;
    }

    fill(row, values) {
        for (const [key, value] of Object.entries(values)) {
            const field = this.field(row, key);
            if (field.type === 'checkbox') {
                field.checked = Boolean(value);
            } else {
                field.value = value;
            }
        }
    }

    read(row) {
        const fields = [...row.querySelectorAll(`[name^="${this.kind.group}-"]`)];
        return Object.fromEntries(fields.map((field) => [
            field.name.split('-').at(-1),
            field.type === 'checkbox' ? (field.checked ? 'on' : '') : field.value,
        ]));
    }
}

export function button(label, name, act) {
    const made = document.createElement('button');
    Object.assign(made, {type: 'button', className: 'l-button p-small', textContent: label});
    if (name) {
        made.setAttribute('aria-label', name);
    }
    made.addEventListener('click', act);
    return made;
}
