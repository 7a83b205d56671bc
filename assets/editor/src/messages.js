// The list of messages: order, roles, one editor each. The order of the page is the order sent.
import {Rows, button} from './rows.js';
import {Text} from './text.js';

export class Messages {
    constructor(box, options) {
        this.options = options;
        this.rows = new Rows(box, {group: 'messages', key: 'content'});
        this.texts = new Map();
        box.classList.add('is-live');
        this.rows.all.forEach((row) => this.dress(row));
        const add = document.createElement('div');
        add.className = 'p-adds';
        add.append(
            button('Add message', '', () => this.added('user')),
            button('Add placeholder', '', () => this.added('placeholder')),
        );
        box.after(add);
        if (!this.rows.all.length) {
            options.begins.forEach((role) => this.add({role}));
        }
        this.number();
    }

    added(role) {
        const row = this.add({role});
        this.texts.get(row).view.focus();
        this.options.changed();
    }

    add(values) {
        const row = this.rows.add(values);
        this.dress(row);
        this.number();
        return row;
    }

    dress(row) {
        const area = this.rows.field(row, 'content'), caption = area.closest('label');
        caption.after(area);
        caption.remove();
        this.texts.set(row, new Text(area, this.options));
        this.rows.field(row, 'role').addEventListener('change', () => this.number());
        const tools = document.createElement('div');
        tools.className = 'p-tools';
        tools.append(
            button('↑', 'Move up', () => this.move(row, -1)),
            button('↓', 'Move down', () => this.move(row, 1)),
            button('Remove', '', () => this.remove(row)),
        );
        row.append(tools);
    }

    move(row, step) {
        const {all} = this.rows, other = all[all.indexOf(row) + step];
        if (other) {
            step < 0 ? other.before(row) : other.after(row);
            this.number();
            this.options.changed();
            row.querySelector(`.p-tools button:nth-child(${step < 0 ? 1 : 2})`).focus();
        }
    }

    remove(row) {
        const {all} = this.rows, next = all[all.indexOf(row) + 1] ?? all[all.indexOf(row) - 1];
        this.texts.get(row).set('');
        this.texts.delete(row);
        row.remove();
        this.number();
        this.options.changed();
        (next?.querySelector('.p-tools button') ?? document.querySelector('.p-adds button')).focus();
    }

    number() {
        this.rows.all.forEach((row, index) => {
            const isPlaceholder = this.rows.field(row, 'role').value === 'placeholder';
            this.rows.field(row, 'position').value = index + 1;
            row.querySelector('legend').textContent = `Message ${index + 1}`;
            this.texts.get(row).name(isPlaceholder ? 'Variable that it inserts' : 'Text');
        });
    }

    // What the server counts: rows without a text are not sent to a model.
    get sent() {
        return this.rows.all.filter((row) => !this.rows.isEmpty(row));
    }

    mark(marks) {
        this.sent.forEach((row, index) => {
            this.texts.get(row).mark(marks.filter((mark) => mark.message_index === index));
        });
    }

    values() {
        return this.sent.map((row) => {
            const {role, content} = this.rows.read(row);
            return {role, content};
        });
    }

    restore(values) {
        this.rows.all.forEach((row) => row.remove());
        values.forEach((value) => this.add(value));
    }
}
