# Checks a Windows Server before it is registered with Amazon ECS Anywhere. Changes nothing.
# Prints one line per check: "ok" or "FAIL", and for the latter what to do. Expects $Region.
# What AWS's installer checks itself (the Windows release) or removes itself (an earlier SSM agent) is left to it.
$failed = $false
function Ok($found) { Write-Host "ok    $found" }
function Fail($found, $todo) { Write-Host "FAIL  $found`n      -> $todo"; $script:failed = $true }

$user = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())
if ($user.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) { Ok 'running as administrator' }
else { Fail 'not running as administrator' 'start PowerShell with "Run as administrator"' }

if ($env:PROCESSOR_ARCHITECTURE -eq 'AMD64') { Ok 'architecture AMD64' }
else { Fail "architecture $env:PROCESSOR_ARCHITECTURE" 'ECS Anywhere runs on 64-bit x86 Windows Server, in a 64-bit PowerShell' }

if (Get-Service -Name AmazonECS -ErrorAction SilentlyContinue) {
    Fail 'the ECS agent is installed already' 'deregister the machine, then: .\ecs-anywhere-install.ps1 -Uninstall'
} else { Ok 'no earlier ECS agent' }

$found = @('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE' |
    Where-Object { [Environment]::GetEnvironmentVariable($_) -or [Environment]::GetEnvironmentVariable($_, 'Machine') })
$homes = @($env:USERPROFILE, "$env:SystemRoot\System32\config\systemprofile")
$found += @($homes | ForEach-Object { "$_\.aws\credentials"; "$_\.aws\config" } | Where-Object { Test-Path -Path $_ })
if ($found.Count -eq 0) { Ok 'no AWS credentials that would get in the way' }
else { Fail "AWS credentials: $($found -join ', ')" 'the agents would use them instead of the activation: unset or move them' }

foreach ($address in "amazon-ecs-agent.s3.amazonaws.com", "ecs.$Region.amazonaws.com", "ecs-a-1.$Region.amazonaws.com",
    "ecs-t-1.$Region.amazonaws.com", "ssm.$Region.amazonaws.com", "ssmmessages.$Region.amazonaws.com",
    "ec2messages.$Region.amazonaws.com", "logs.$Region.amazonaws.com", "api.ecr.$Region.amazonaws.com",
    "s3.$Region.amazonaws.com") {
    $reached = $true # any HTTP answer counts, also a refusal
    try { Invoke-WebRequest -Uri "https://$address/" -UseBasicParsing -TimeoutSec 8 @Proxy | Out-Null }
    catch { $reached = $null -ne $_.Exception.Response }
    if ($reached) { Ok "reaches ${address}:443" }
    else { Fail "cannot reach https://$address/" 'open port 443 outwards, or name the proxy' }
}

if ($failed) { throw 'This host is not ready: see the lines marked FAIL.' }
Write-Host 'This host is ready.'
