// One GPU: who it is, how it is, and what it did.
import type { PageProps } from '../registry'
import { PageHead } from '../../view/parts/pagehead'

export default function GpuPage({ subject }: PageProps) {
  return <PageHead title={subject} />
}
