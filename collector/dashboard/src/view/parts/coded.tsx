// A sentence in which commands stand between backticks.

export function Coded({ text }: { readonly text: string }) {
  return <>{text.split('`').map((part, position) => (position % 2 === 0 ? part : <code key={position}>{part}</code>))}</>
}
