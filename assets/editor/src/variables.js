// The variables: rows by hand, and a row for each name as soon as a text uses it. Such a row goes
// again when its name does, unless somebody has worked on it.
import {Rows, button} from './rows.js';

export class Variables {
    constructor(box, changed) {
        this.changed = changed;
        this.rows = new Rows(box, {group: 'variables', key: 'name'});
        this.filled = new Set();
        box.classList.add('is-live');
        this.rows.all.forEach((row) => this.dress(row));
        const adds = document.createElement('div');
        adds.className = 'p-adds';
        adds.append(button('Add variable', '', () => {
            this.rows.field(this.add(), 'name').focus();
        }));
        box.after(adds);
        box.addEventListener('input', (event) => {
            this.filled.delete(event.target.closest('fieldset'));
            this.label(event.target.closest('fieldset'));
        });
    }

    add(values = {}) {
        const row = this.rows.add(values);
        this.dress(row);
        return row;
    }

    dress(row) {
        const tools = document.createElement('div');
        tools.className = 'p-tools';
        tools.append(button('Remove', '', () => {
            row.remove();
            this.changed();
        }));
        row.append(tools);
        this.label(row);
    }

    label(row) {
        if (row) {
            row.querySelector('legend').textContent = this.rows.field(row, 'name').value || 'New variable';
        }
    }

    names() {
        return this.values().map(({name, type}) => ({name, type}));
    }

    // `used`: [{name, type}] of all that the texts use; `complete`: no text was unreadable.
    follow(used, complete) {
        const names = new Set(used.map(({name}) => name)), before = this.filled.size;
        let changed = false;
        for (const row of complete ? [...this.filled] : []) {
            if (!names.has(this.rows.field(row, 'name').value)) {
                row.remove();
                this.filled.delete(row);
                changed = true;
            }
        }
        const declared = new Set(this.names().map(({name}) => name));
        for (const {name, type} of used.filter((one) => !declared.has(one.name))) {
            this.filled.add(this.add({name, type}));
        }
        return changed || this.filled.size !== before;
    }

    values() {
        return this.rows.all.filter((row) => !this.rows.isEmpty(row)).map((row) => this.rows.read(row));
    }

    restore(values) {
        this.rows.all.forEach((row) => row.remove());
        this.filled.clear();
        values.forEach((value) => this.add(value));
    }
}
