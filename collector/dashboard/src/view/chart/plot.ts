// One uPlot on the page: made, kept at its size and colours, given what is new, and destroyed.
import { effect, type ReadonlySignal } from '@preact/signals'
import uPlot from 'uplot'
import type { Span } from '../../address/range'
import { readColours, type ChartColours } from './colours'
import type { ChartGroup } from './group'
import { columnsOf, optionsOf, shapeOf } from './options'
import { panOnShift } from './panning'
import type { ChartSpec } from './spec'

export class Plot {
  private plot: uPlot | null = null
  private shape = ''
  private colours: ChartColours
  private readonly sizes: ResizeObserver
  private readonly stops: (() => void)[]

  constructor(
    private readonly element: HTMLElement,
    private spec: ChartSpec,
    private readonly group: ChartGroup,
    theme: ReadonlySignal<unknown>,
  ) {
    this.colours = readColours(element)
    this.make()
    this.sizes = new ResizeObserver(() => this.fit())
    this.sizes.observe(element)
    this.stops = [
      effect(() => this.follow(this.group.cursor.value)),
      effect(() => this.show(this.group.selection.value)),
      effect(() => {
        const { since, until } = this.group.shown
        this.plot?.setScale('x', { min: since / 1000, max: until / 1000 })
      }),
      effect(() => {
        void theme.value
        this.colours = readColours(this.element)
        this.plot?.redraw(false)
      }),
    ]
  }

  update(spec: ChartSpec): void {
    this.spec = spec
    if (shapeOf(spec) !== this.shape) this.make()
    else this.plot?.setData(columnsOf(spec))
  }

  destroy(): void {
    this.sizes.disconnect()
    for (const stop of this.stops) stop()
    this.plot?.destroy()
    this.plot = null
  }

  private make(): void {
    this.plot?.destroy()
    this.shape = shapeOf(this.spec)
    const { clientWidth, clientHeight } = this.element
    const drawing = { spec: () => this.spec, colours: () => this.colours, group: this.group }
    const options = panOnShift(optionsOf(drawing, clientWidth, clientHeight), this.group)
    this.plot = new uPlot(options, columnsOf(this.spec), this.element)
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.element
    if (this.plot !== null && width > 0 && (this.plot.width !== width || this.plot.height !== height)) this.plot.setSize({ width, height })
  }

  /** The crosshair of another chart, or of the keys. */
  private follow(moment: number | null): void {
    const plot = this.plot
    if (plot === null || this.group.origin === plot) return
    const left = moment === null ? -10 : plot.valToPos(moment / 1000, 'x')
    plot.setCursor({ left, top: moment === null ? -10 : 0 }, false)
  }

  private show(selection: Span | null): void {
    const plot = this.plot
    if (plot === null) return
    const left = selection === null ? 0 : plot.valToPos(selection.since / 1000, 'x')
    const right = selection === null ? 0 : plot.valToPos(selection.until / 1000, 'x')
    plot.setSelect({ left, top: 0, width: right - left, height: plot.over.clientHeight }, false)
  }
}
