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

const LOOPBACK = /^(localhost|127\.[\d.]+|::1)$/

export function collectorOf({ scheme, host, port }: Target): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

export function waysOf(target: Target): readonly Way[] {
  return [service(target), kubernetes(target), byHand(target)]
}

function service(target: Target): Way {
  const { token } = target
  const settings = [collectorSetting(target), ...(token === null ? [] : ['GPUFLEET_TOKEN_FILE=/etc/gpufleet/agent/token']), ...caSetting(target, '/etc/gpufleet/agent'), ...plainSetting(target)]
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
          ...(hasTls(target) ? ['sudo install -m 0644 ca.crt /etc/gpufleet/agent/ca.crt'] : []),
          `printf '%s\\n' ${settings.map((line) => `'${line}'`).join(' ')} | sudo install -m 0644 /dev/stdin /etc/gpufleet/agent.env`,
        ].join('\n'),
      },
      { words: 'Start it:', command: 'sudo systemctl enable --now gpufleet-agent' },
    ],
  }
}

function kubernetes(target: Target): Way {
  return {
    key: 'kubernetes',
    title: 'Kubernetes',
    steps: [
      { words: 'On every GPU node of a cluster, from a copy of the repository:', command: 'kubectl apply -f deploy/kubernetes/base/namespace.yaml' },
      ...secret(target),
      {
        words: `With ${listed([collectorSetting(target), ...plainSetting(target)])} in deploy/kubernetes/overlays/agents/kustomization.yaml${components(target)}:`,
        command: 'kubectl apply -k deploy/kubernetes/overlays/agents',
      },
    ],
  }
}

/** What the agents' pods mount. A token on kubectl's command line would show in the list of processes. */
function secret(target: Target): Way['steps'] {
  const { token } = target
  if (token === null && !hasTls(target)) return []
  const create = ['kubectl -n gpufleet create secret generic gpufleet-agent', ...(token === null ? [] : ['--from-file=token=/dev/stdin']), ...(hasTls(target) ? ['--from-file=ca.crt=ca.crt'] : [])].join(' ')
  const words = `As a Secret, ${listed([...(token === null ? [] : ['the token']), ...(hasTls(target) ? ['the authority of the collector\'s certificate'] : [])])}:`
  return [{ words, command: token === null ? create : `printf %s '${token}' | ${create}` }]
}

/** The pods look for a token and an authority unless they are told that there is none. */
function components(target: Target): string {
  const names = [...(target.token === null ? ['without-token'] : []), ...(hasTls(target) ? [] : ['without-ca'])]
  return names.length === 0 ? '' : `, and there ${listed(names.map((name) => `../../components/${name}`))} below components`
}

function byHand(target: Target): Way {
  const { token } = target
  const settings = [collectorSetting(target), ...(token === null ? [] : [`GPUFLEET_TOKEN='${token}'`]), ...caSetting(target, '.'), ...plainSetting(target)]
  return {
    key: 'hand',
    title: 'To try it',
    steps: [{ words: 'From a copy of the repository, until the terminal is closed:', command: ['python3 -m venv .venv && .venv/bin/pip install ./proto ./agent', `${settings.join(' ')} .venv/bin/gpufleet-agent run`].join('\n') }],
  }
}

function hasTls({ scheme }: Target): boolean {
  return scheme === 'grpcs'
}

function collectorSetting(target: Target): string {
  return `GPUFLEET_COLLECTOR=${collectorOf(target)}`
}

function caSetting(target: Target, folder: string): string[] {
  return hasTls(target) ? [`GPUFLEET_TLS_CA_FILE=${folder}/ca.crt`] : []
}

/** An agent sends no token to another machine in plain text unless it is told to, as the operator told the collector. */
function plainSetting(target: Target): string[] {
  return target.token !== null && !hasTls(target) && !LOOPBACK.test(target.host) ? ['GPUFLEET_ALLOW_INSECURE=true'] : []
}

function listed(words: readonly string[]): string {
  return words.join(' and ')
}
