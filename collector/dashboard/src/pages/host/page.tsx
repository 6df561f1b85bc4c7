// One host: its agent, its GPUs, and how they are.
import type { PageProps } from '../registry'
import { PageHead } from '../../view/parts/pagehead'

export default function HostPage({ subject }: PageProps) {
  return <PageHead title={subject} />
}
