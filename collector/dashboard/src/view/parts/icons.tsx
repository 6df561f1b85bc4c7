// Small drawings; each state has a shape of its own, so that none is told by colour alone.
import type { ComponentChildren } from 'preact'

interface IconProps {
  readonly class?: string
}

function Icon({ children, ...props }: IconProps & { readonly children: ComponentChildren }) {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false" {...props}>
      {children}
    </svg>
  )
}

const STROKE = { fill: 'none', stroke: 'currentColor', 'stroke-width': 1.6, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' } as const

export const ChevronIcon = (props: IconProps) => <Icon {...props}><path d="M6 4l4 4-4 4" {...STROKE} /></Icon>
export const SearchIcon = (props: IconProps) => <Icon {...props}><circle cx="7" cy="7" r="4.2" {...STROKE} /><path d="M10.3 10.3L13.5 13.5" {...STROKE} /></Icon>
export const SunIcon = (props: IconProps) => <Icon {...props}><circle cx="8" cy="8" r="2.8" {...STROKE} /><path d="M8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1" {...STROKE} /></Icon>
export const MoonIcon = (props: IconProps) => <Icon {...props}><path d="M13.2 9.6A5.6 5.6 0 016.4 2.8a5.6 5.6 0 106.8 6.8z" {...STROKE} /></Icon>
export const CloseIcon = (props: IconProps) => <Icon {...props}><path d="M4.5 4.5l7 7M11.5 4.5l-7 7" {...STROKE} /></Icon>
export const CopyIcon = (props: IconProps) => <Icon {...props}><rect x="5.5" y="5.5" width="8" height="8" rx="1.6" {...STROKE} /><path d="M3.6 10.5h-.3a.8.8 0 01-.8-.8V3.3a.8.8 0 01.8-.8h6.4a.8.8 0 01.8.8v.3" {...STROKE} /></Icon>
export const ClockIcon = (props: IconProps) => <Icon {...props}><circle cx="8" cy="8" r="5.6" {...STROKE} /><path d="M8 4.9V8l2.2 1.5" {...STROKE} /></Icon>
export const WarningIcon = (props: IconProps) => <Icon {...props}><path d="M8 2.5l6 10.6H2z" {...STROKE} /><path d="M8 6.6v2.9M8 11.4v.1" {...STROKE} /></Icon>
export const CalendarIcon = (props: IconProps) => <Icon {...props}><rect x="2.5" y="3.5" width="11" height="10" rx="1.8" {...STROKE} /><path d="M2.5 6.8h11M5.5 2v2.6M10.5 2v2.6" {...STROKE} /></Icon>
export const ZoomOutIcon = (props: IconProps) => <Icon {...props}><circle cx="7" cy="7" r="4.2" {...STROKE} /><path d="M10.3 10.3L13.5 13.5M5.2 7h3.6" {...STROKE} /></Icon>
export const DownloadIcon = (props: IconProps) => <Icon {...props}><path d="M8 2.5v7M5 6.8l3 3 3-3M3 13h10" {...STROKE} /></Icon>
export const FlaskIcon = (props: IconProps) => <Icon {...props}><path d="M6.3 2h3.4M7 2v4L3.3 12.4A1 1 0 004.2 14h7.6a1 1 0 00.9-1.6L9 6V2M5.2 9.6h5.6" {...STROKE} /></Icon>

/** A filled disc. */
export const UpIcon = (props: IconProps) => <Icon {...props}><circle cx="8" cy="8" r="4.5" fill="currentColor" /></Icon>
/** A half disc. */
export const LateIcon = (props: IconProps) => <Icon {...props}><circle cx="8" cy="8" r="4.5" {...STROKE} /><path d="M8 3.5a4.5 4.5 0 000 9z" fill="currentColor" /></Icon>
/** A filled square with a cross. */
export const DownIcon = (props: IconProps) => <Icon {...props}><rect x="2.5" y="2.5" width="11" height="11" rx="2.2" fill="currentColor" /><path d="M6 6l4 4M10 6l-4 4" {...STROKE} class="icon-hole" /></Icon>
/** A ring. */
export const LeftIcon = (props: IconProps) => <Icon {...props}><circle cx="8" cy="8" r="4.5" {...STROKE} /></Icon>
/** A dashed ring. */
export const UnknownIcon = (props: IconProps) => <Icon {...props}><circle cx="8" cy="8" r="4.8" {...STROKE} stroke-dasharray="2 2.6" /></Icon>
/** An octagon with a cross. */
export const LostIcon = (props: IconProps) => <Icon {...props}><path d="M5.5 1.8h5l3.7 3.7v5l-3.7 3.7h-5L1.8 10.5v-5z" fill="currentColor" /><path d="M6 6l4 4M10 6l-4 4" {...STROKE} class="icon-hole" /></Icon>
/** An hourglass. */
export const HungIcon = (props: IconProps) => <Icon {...props}><path d="M4 2h8M4 14h8M5 2v2.4L8 8l3-3.6V2M5 14v-2.4L8 8l3 3.6V14" {...STROKE} /></Icon>
/** Two bars. */
export const PausedIcon = (props: IconProps) => <Icon {...props}><path d="M6 4v8M10 4v8" {...STROKE} /></Icon>
