// What is typed on a new host so that its agent finds this collector: with a token where one is needed, and the CA where it is not a public one.

export interface Target {
  readonly scheme: string
  readonly host: string
  readonly port: number
  /** Null where the collector is open. */
  readonly token: string | null
}

export interface Way {
  readonly key: string
  readonly title: string
  readonly steps: readonly { readonly words: string; readonly command: string }[]
}

export function collectorOf({ scheme, host, port }: Target): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

export function waysOf(target: Target): readonly Way[] {
  return [service(target), kubernetes(target), byHand(target)]
}

function service(target: Target): Way {
  const { token } = target
  const env = [`GPUFLEET_COLLECTOR=${collectorOf(target)}`, ...(token === null ? [] : ['GPUFLEET_TOKEN_FILE=/etc/gpufleet/agent/token']), ...caLine(target)]
  return {
    key: 'systemd',
    title: 'As a service',
    steps: [
      {
        words: 'Install the agent, its user and its unit, from a copy of the repository:',
        command: [
          'sudo python3 -m venv /opt/gpufleet && sudo /opt/gpufleet/bin/pip install ./proto ./agent',
          'sudo cp deploy/systemd/gpufleet.sysusers /etc/sysusers.d/gpufleet.conf && sudo systemd-sysusers',
          'sudo cp deploy/systemd/gpufleet-agent.service /etc/systemd/system/',
        ].join('\n'),
      },
      {
        words: 'Tell it where the collector is:',
        command: [
          'sudo install -d -m 0755 /etc/gpufleet/agent',
          ...(token === null ? [] : [`printf %s '${token}' | sudo install -m 0640 -g gpufleet-agent /dev/stdin /etc/gpufleet/agent/token`]),
          `printf '%s\\n' ${env.map((line) => `'${line}'`).join(' ')} | sudo install -m 0644 /dev/stdin /etc/gpufleet/agent.env`,
        ].join('\n'),
      },
      { words: 'Start it:', command: 'sudo systemctl enable --now gpufleet-agent' },
    ],
  }
}

function kubernetes(target: Target): Way {
  const { token } = target
  const secret = token === null ? [] : [
    {
      words: 'The token as a Secret, with the authority of the collector\'s certificate:',
      command: `kubectl -n gpufleet create secret generic gpufleet-agent --from-literal=token='${token}' --from-file=ca.crt=ca.crt`,
    },
  ]
  return {
    key: 'kubernetes',
    title: 'Kubernetes',
    steps: [
      { words: 'On every GPU node of a cluster, from a copy of the repository:', command: 'kubectl apply -f deploy/kubernetes/base/namespace.yaml' },
      ...secret,
      {
        words: `With GPUFLEET_COLLECTOR=${collectorOf(target)} in deploy/kubernetes/overlays/agents/kustomization.yaml:`,
        command: 'kubectl apply -k deploy/kubernetes/overlays/agents',
      },
    ],
  }
}

function byHand(target: Target): Way {
  const { token } = target
  const settings = [`GPUFLEET_COLLECTOR=${collectorOf(target)}`, ...(token === null ? [] : [`GPUFLEET_TOKEN='${token}'`]), ...caLine(target).map((line) => line.replace('/etc/gpufleet/agent/', './'))]
  return {
    key: 'hand',
    title: 'To try it',
    steps: [{ words: 'From a copy of the repository, until the terminal is closed:', command: ['python3 -m venv .venv && .venv/bin/pip install ./proto ./agent', `${settings.join(' ')} .venv/bin/gpufleet-agent run`].join('\n') }],
  }
}

function caLine({ scheme }: Target): string[] {
  return scheme === 'grpcs' ? ['GPUFLEET_TLS_CA_FILE=/etc/gpufleet/agent/ca.crt'] : []
}
