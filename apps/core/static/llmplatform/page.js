/* Small repairs to every page: regions that scroll, menus that close, names that Django forgets. */
'use strict';
{
    // Wide tables and charts scroll inside their own region, never the page; a region that
    // scrolls must be reachable by keyboard and have a name.
    const regions = document.querySelectorAll('.results, .l-scroll, .inline-group .tabular fieldset.module');

    // What is out of sight is said to be there: a table that is cut at its edge looks whole.
    const hints = new Map();
    for (const region of regions) {
        if (!region.matches('.l-scroll, .results') || !region.querySelector('table')) continue;
        const hint = document.createElement('p');
        hint.className = 'l-more';
        hint.textContent = 'More columns: scroll sideways →';
        hint.setAttribute('aria-hidden', 'true'); // the region has a name and can be reached
        region.before(hint);
        hints.set(region, hint);
        region.addEventListener('scroll', () => showHint(region), {passive: true});
    }

    function showHint(region) {
        const isMore = region.scrollLeft + region.clientWidth < region.scrollWidth - 1;
        hints.get(region)?.classList.toggle('l-more--on', isMore);
    }

    function name(region) {
        const label = region.dataset.label || document.querySelector('h1')?.textContent || '';
        region.setAttribute('aria-label', label.trim());
    }

    function update() {
        for (const region of regions) {
            showHint(region);
            const scrolls = region.scrollWidth > region.clientWidth + 1;
            region.tabIndex = scrolls ? 0 : -1;
            if (scrolls) {
                region.setAttribute('role', 'region');
                name(region);
            } else {
                region.removeAttribute('tabindex');
                region.removeAttribute('role');
                region.removeAttribute('aria-label');
            }
        }
    }

    update();
    window.addEventListener('resize', update);

    // Where a chart over time does not fit, today matters more than its first day.
    for (const chart of document.querySelectorAll('.l-scroll[data-to-end]')) {
        chart.scrollLeft = chart.scrollWidth;
    }

    // The words beside a field: its label, the heading of its form row, or of its inline column.
    function words(field) {
        const column = field.closest('td')?.cellIndex;
        const heading = field.labels?.[0]
            ?? field.closest('.form-row')?.querySelector('label, legend')
            ?? field.closest('table')?.tHead?.rows[0]?.cells[column];
        return (heading?.textContent ?? '').replace(/[:\s]+/g, ' ').trim();
    }

    // Django's date pairs, inline tables and pickers leave fields without a name.
    function nameFields() {
        for (const pair of document.querySelectorAll('p.datetime')) {
            for (const field of pair.querySelectorAll('input:not([aria-label])')) {
                const part = field.classList.contains('vTimeField') ? 'time' : 'date';
                field.setAttribute('aria-label', `${words(field)}: ${part}`);
            }
        }
        const inline = '.tabular td :is(input, select, textarea):not([type="hidden"], [aria-label])';
        for (const field of document.querySelectorAll(inline)) {
            if (!field.labels?.length) {
                field.setAttribute('aria-label', words(field));
            }
        }
        for (const select of document.querySelectorAll('select.select2-hidden-accessible')) {
            const drawn = select.nextElementSibling;
            const name = select.getAttribute('aria-label') ?? words(select);
            for (const part of drawn.querySelectorAll('[role="combobox"], [role="textbox"]')) {
                part.removeAttribute('aria-labelledby');
                part.setAttribute('aria-label', `${name}: ${part.textContent.trim()}`);
            }
        }
        for (const hint of document.querySelectorAll('span.help-tooltip[aria-label]')) {
            hint.setAttribute('role', 'img');
        }
    }

    // Django builds its pickers on load, in scripts that were registered before this one.
    window.addEventListener('load', () => setTimeout(nameFields));
    document.addEventListener('formset:added', () => setTimeout(nameFields));
    document.addEventListener('change', nameFields);

    // A menu made of <details> closes when the attention moves on.
    document.addEventListener('click', (event) => {
        for (const menu of document.querySelectorAll('details.l-menu[open]')) {
            if (!menu.contains(event.target)) {
                menu.open = false;
            }
        }
    });
    document.addEventListener('keydown', (event) => {
        if (event.key === 'Escape') {
            document.querySelectorAll('details.l-menu[open]').forEach((menu) => {
                menu.open = false;
                menu.querySelector('summary').focus();
            });
        }
    });
}
