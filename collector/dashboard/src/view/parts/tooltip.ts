// One floating text for every element with `data-tip`, by pointer or focus; for screen readers the same is said in place.

const GAP = 8
const DELAY_MS = 250

export function installTooltip(page: Document): void {
  const tip = page.createElement('div')
  tip.className = 'tooltip'
  tip.hidden = true
  tip.setAttribute('aria-hidden', 'true')
  page.body.append(tip)
  let timer = 0

  const hide = () => {
    clearTimeout(timer)
    tip.hidden = true
  }
  const showFor = (event: Event, delay: number) => {
    hide()
    const owner = event.target instanceof Element ? event.target.closest('[data-tip]') : null
    if (owner !== null) timer = window.setTimeout(() => show(tip, owner), delay)
  }

  page.addEventListener('pointerover', (event) => showFor(event, event.pointerType === 'mouse' ? DELAY_MS : 0))
  page.addEventListener('focusin', (event) => showFor(event, 0))
  page.addEventListener('pointerleave', hide)
  page.addEventListener('focusout', hide)
  page.addEventListener('scroll', hide, { passive: true, capture: true })
  page.addEventListener('keydown', (event) => event.key === 'Escape' && hide())
}

function show(tip: HTMLElement, owner: Element): void {
  const text = owner.getAttribute('data-tip')
  if (!text || !owner.isConnected) return
  tip.textContent = text
  tip.hidden = false
  const target = owner.getBoundingClientRect()
  const size = tip.getBoundingClientRect()
  const fitsBelow = target.bottom + GAP + size.height < window.innerHeight
  const left = Math.min(Math.max(GAP, target.left + target.width / 2 - size.width / 2), window.innerWidth - size.width - GAP)
  tip.style.left = `${left}px`
  tip.style.top = `${fitsBelow ? target.bottom + GAP : target.top - GAP - size.height}px`
}
